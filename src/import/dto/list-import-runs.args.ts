import { ArgsType, Field, ID, Int } from '@nestjs/graphql';
import { Max, Min } from 'class-validator';

@ArgsType()
export class ListImportRunsArgs {
  @Field(() => Int, { defaultValue: 50, description: 'Maximum number of results, 1 to 1000.' })
  @Min(1)
  @Max(1000)
  limit = 50;

  @Field(() => ID, {
    nullable: true,
    description: 'Only imports before this one: the last id of the previous page.',
  })
  before?: string;

  @Field(() => String, { nullable: true, description: 'Only imports of this kind, e.g. "file".' })
  kind?: string;

  @Field(() => String, { nullable: true, description: 'Only imports with this outcome, e.g. "failed".' })
  outcome?: string;
}
