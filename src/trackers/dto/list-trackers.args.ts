import { ArgsType, Field, Int } from '@nestjs/graphql';
import { Max, Min } from 'class-validator';

@ArgsType()
export class ListTrackersArgs {
  @Field(() => Int, { defaultValue: 1000, description: 'Maximum number of trackers, 1 to 10,000.' })
  @Min(1)
  @Max(10_000)
  limit = 1000;

  @Field(() => Int, { defaultValue: 0, description: 'Number of trackers to skip.' })
  @Min(0)
  offset = 0;
}
