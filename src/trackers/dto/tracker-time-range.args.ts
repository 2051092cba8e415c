import { ArgsType, Field, ID } from '@nestjs/graphql';

/** Arguments of most history queries: a tracker and a time range. */
@ArgsType()
export class TrackerTimeRangeArgs {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => Date, { description: 'Start of the range: buckets that end at or before it are excluded.' })
  startTime!: Date;

  @Field(() => Date, { description: 'End of the range: buckets that start at or after it are excluded.' })
  endTime!: Date;
}
