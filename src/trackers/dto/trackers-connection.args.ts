import { ArgsType, Field, Int } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { IsOptional, IsString, Max, Min, ValidateNested } from 'class-validator';
import { MAX_ROWS } from '../../common/graphql/connection.js';
import { TrackerFilter } from './tracker-filter.input.js';
import { TrackerOrder } from './tracker-order.input.js';

@ArgsType()
export class TrackersConnectionArgs {
  @Field(() => Int, { defaultValue: 100, description: 'Maximum number of trackers, 1 to 10,000.' })
  @Min(1)
  @Max(MAX_ROWS)
  first = 100;

  @Field(() => String, { nullable: true, description: 'Return the trackers after this cursor.' })
  @IsOptional()
  @IsString()
  after?: string | null;

  @Field(() => TrackerOrder, { nullable: true, description: 'Sort order; by name by default.' })
  @IsOptional()
  @ValidateNested()
  @Type(() => TrackerOrder)
  orderBy?: TrackerOrder | null;

  @Field(() => TrackerFilter, { nullable: true, description: 'Which trackers; all by default.' })
  @IsOptional()
  @ValidateNested()
  @Type(() => TrackerFilter)
  filter?: TrackerFilter | null;
}
