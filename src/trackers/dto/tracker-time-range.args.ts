import { ArgsType, Field, ID } from '@nestjs/graphql';

/** A tracker and a span of time: what most questions about history begin with. */
@ArgsType()
export class TrackerTimeRangeArgs {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => Date, { description: 'Buckets that end at or before it are left out.' })
  startTime!: Date;

  @Field(() => Date, { description: 'Buckets that start at or after it are left out.' })
  endTime!: Date;
}
