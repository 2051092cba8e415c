import { ArgsType, Field, ID, Int } from '@nestjs/graphql';
import { ArrayMaxSize, IsEnum, IsOptional, IsString, Max, Min } from 'class-validator';
import { MAX_ROWS } from '../../common/graphql/connection.js';
import { OrderDirection } from '../../trackers/dto/tracker-order.input.js';
import { HistoryResolution } from '../history-resolution.js';

@ArgsType()
export class LocationHistoryConnectionArgs {
  @Field(() => [ID], {
    nullable: true,
    description: 'Of these trackers, at most 10,000; of all where not given.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_ROWS)
  trackerIds?: string[] | null;

  @Field(() => Date, { nullable: true, description: 'Buckets that end at or before it are left out.' })
  startTime?: Date | null;

  @Field(() => Date, { nullable: true, description: 'Buckets that start at or after it are left out.' })
  endTime?: Date | null;

  @Field(() => HistoryResolution, {
    defaultValue: HistoryResolution.HOURLY,
    description: 'How finely. The cursors of a walk stay with what it began with.',
  })
  @IsEnum(HistoryResolution)
  resolution = HistoryResolution.HOURLY;

  @Field(() => OrderDirection, {
    defaultValue: OrderDirection.ASC,
    description: 'Whether the oldest or the newest row of each tracker comes first.',
  })
  @IsEnum(OrderDirection)
  direction = OrderDirection.ASC;

  @Field(() => Int, { defaultValue: 100, description: 'How many at most, 1 to 10,000.' })
  @Min(1)
  @Max(MAX_ROWS)
  first = 100;

  @Field(() => String, { nullable: true, description: 'The cursor that the page begins behind.' })
  @IsOptional()
  @IsString()
  after?: string | null;
}
