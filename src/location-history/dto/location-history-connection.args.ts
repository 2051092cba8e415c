import { ArgsType, Field, ID, Int } from '@nestjs/graphql';
import { ArrayMaxSize, IsEnum, IsOptional, IsString, Max, Min } from 'class-validator';
import { MAX_ROWS } from '../../common/graphql/connection.js';
import { OrderDirection } from '../../trackers/dto/tracker-order.input.js';
import { HistoryResolution } from '../history-resolution.js';

@ArgsType()
export class LocationHistoryConnectionArgs {
  @Field(() => [ID], {
    nullable: true,
    description: 'Only these trackers, at most 10,000; all trackers by default.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_ROWS)
  trackerIds?: string[] | null;

  @Field(() => Date, {
    nullable: true,
    description: 'Start of the range: buckets that end at or before it are excluded.',
  })
  startTime?: Date | null;

  @Field(() => Date, {
    nullable: true,
    description: 'End of the range: buckets that start at or after it are excluded.',
  })
  endTime?: Date | null;

  @Field(() => HistoryResolution, {
    defaultValue: HistoryResolution.HOURLY,
    description:
      'Resolution of the rows. Pass the same one with each `after`; AUTO keeps what it chose for the first page.',
  })
  @IsEnum(HistoryResolution)
  resolution = HistoryResolution.HOURLY;

  @Field(() => OrderDirection, {
    defaultValue: OrderDirection.ASC,
    description: 'ASC lists the oldest row of each tracker first, DESC the newest.',
  })
  @IsEnum(OrderDirection)
  direction = OrderDirection.ASC;

  @Field(() => Int, { defaultValue: 100, description: 'Maximum number of rows, 1 to 10,000.' })
  @Min(1)
  @Max(MAX_ROWS)
  first = 100;

  @Field(() => String, { nullable: true, description: 'Return the rows after this cursor.' })
  @IsOptional()
  @IsString()
  after?: string | null;
}
