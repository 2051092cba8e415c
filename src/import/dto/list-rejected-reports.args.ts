import { ArgsType, Field, ID, Int } from '@nestjs/graphql';
import { Max, Min } from 'class-validator';

@ArgsType()
export class ListRejectedReportsArgs {
  @Field(() => ID, { nullable: true, description: 'Only reports of this import.' })
  runId?: string;

  @Field(() => String, {
    nullable: true,
    description: 'Only reports with this reason, e.g. "unknown_tracker".',
  })
  reason?: string;

  @Field(() => Int, { defaultValue: 100, description: 'Maximum number of results, 1 to 1000.' })
  @Min(1)
  @Max(1000)
  limit = 100;

  @Field(() => ID, {
    nullable: true,
    description: 'Only reports after this one: the last id of the previous page.',
  })
  after?: string;
}
