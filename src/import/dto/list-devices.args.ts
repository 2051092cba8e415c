import { ArgsType, Field, Int } from '@nestjs/graphql';
import { Max, Min } from 'class-validator';

@ArgsType()
export class ListDevicesArgs {
  @Field(() => Int, { defaultValue: 100, description: 'Maximum number of results, 1 to 1000.' })
  @Min(1)
  @Max(1000)
  limit = 100;

  @Field(() => String, {
    nullable: true,
    description: 'Only devices after this one: the last one of the previous page.',
  })
  after?: string;
}
