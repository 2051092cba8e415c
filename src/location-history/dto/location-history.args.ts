import { ArgsType, Field, Int } from '@nestjs/graphql';
import { IsEnum, IsOptional, IsString, Max, Min } from 'class-validator';
import { MAX_ROWS } from '../../common/graphql/connection.js';
import { TrackerTimeRangeArgs } from '../../trackers/dto/tracker-time-range.args.js';
import { HistoryResolution } from '../history-resolution.js';

@ArgsType()
export class LocationHistoryArgs extends TrackerTimeRangeArgs {
  @Field(() => HistoryResolution, {
    defaultValue: HistoryResolution.AUTO,
    description: 'Resolution of the rows; chosen by the length of the range by default.',
  })
  @IsEnum(HistoryResolution)
  resolution = HistoryResolution.AUTO;

  @Field(() => String, {
    nullable: true,
    description:
      'Time zone of the days, e.g. "Europe/Berlin"; UTC by default. Requires the resolution DAILY or AUTO, and makes AUTO mean DAILY.',
  })
  @IsOptional()
  @IsString()
  timeZone?: string | null;

  @Field(() => Int, {
    defaultValue: 1000,
    description: 'Maximum number of rows, 1 to 10,000; a range with more is thinned.',
  })
  @Min(1)
  @Max(MAX_ROWS)
  maxPoints = 1000;

  @Field(() => Int, {
    defaultValue: 3600,
    description: 'Raw reports more than this many seconds apart have a gap between them, 60 to 31,536,000.',
  })
  @Min(60)
  @Max(31_536_000)
  gapSeconds = 3600;
}
