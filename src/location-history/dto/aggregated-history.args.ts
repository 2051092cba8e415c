import { ArgsType, Field } from '@nestjs/graphql';
import { IsOptional, IsString } from 'class-validator';
import { TrackerTimeRangeArgs } from '../../trackers/dto/tracker-time-range.args.js';

@ArgsType()
export class AggregatedHistoryArgs extends TrackerTimeRangeArgs {
  @Field(() => String, { description: '"1 hour" or "1 day".' })
  bucketSize!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Days of this time zone, e.g. "Europe/Berlin", instead of UTC; goes with "1 day".',
  })
  @IsOptional()
  @IsString()
  timeZone?: string | null;
}
