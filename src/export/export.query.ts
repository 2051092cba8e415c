import { Transform } from 'class-transformer';
import { IsDate, IsIn, IsNotEmpty, IsString } from 'class-validator';
import { DateTimeScalar } from '../common/graphql/date-time.scalar.js';
import { EXPORT_DETAILS, type ExportDetail } from './export.repository.js';

/** As the API reads a time; what it does not read fails the check that follows. */
function parseTime({ value }: { value: unknown }): unknown {
  try {
    return DateTimeScalar.parseValue(value);
  } catch {
    return value;
  }
}

const RFC_3339 = '$property must be a time in RFC 3339 with an offset, e.g. 2025-01-31T23:59:59Z';

/** What is to be exported. */
export class ExportQuery {
  @IsString({
    message: ({ value }) => (Array.isArray(value) ? 'trackerId is there twice' : 'trackerId is missing'),
  })
  @IsNotEmpty()
  trackerId!: string;

  @Transform(parseTime)
  @IsDate({ message: RFC_3339 })
  startTime!: Date;

  @Transform(parseTime)
  @IsDate({ message: RFC_3339 })
  endTime!: Date;

  @IsIn(EXPORT_DETAILS, { message: `detail must be one of: ${EXPORT_DETAILS.join(', ')}` })
  detail: ExportDetail = 'history';
}
