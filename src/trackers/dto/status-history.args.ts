import { ArgsType, Field, Int } from '@nestjs/graphql';
import { Max, Min } from 'class-validator';

@ArgsType()
export class StatusHistoryArgs {
  @Field(() => Int, { defaultValue: 20, description: 'Maximum number of statuses, 1 to 1000.' })
  @Min(1)
  @Max(1000)
  first = 20;
}
