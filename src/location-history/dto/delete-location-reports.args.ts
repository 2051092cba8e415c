import { ArgsType, Field, ID } from '@nestjs/graphql';

@ArgsType()
export class DeleteLocationReportsArgs {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => Date, { description: 'Start of the range, inclusive.' })
  from!: Date;

  @Field(() => Date, { description: 'End of the range, inclusive.' })
  to!: Date;
}
