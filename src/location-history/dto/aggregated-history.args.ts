import { ArgsType, Field } from '@nestjs/graphql';
import { IsOptional, IsString } from 'class-validator';
import { TrackerTimeRangeArgs } from '../../trackers/dto/tracker-time-range.args.js';

@ArgsType()
export class AggregatedHistoryArgs extends TrackerTimeRangeArgs {
  @Field(() => String, { description: '"1 hour" or "1 day".' })
  bucketSize!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'Time zone of the days, e.g. "Europe/Berlin"; UTC by default. Requires the bucketSize "1 day".',
  })
  @IsOptional()
  @IsString()
  timeZone?: string | null;
}
