import { ArgsType, Field, ID } from '@nestjs/graphql';

@ArgsType()
export class DeleteLocationReportsArgs {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => Date, { description: 'The first moment; a report of it is deleted.' })
  from!: Date;

  @Field(() => Date, { description: 'The last moment; a report of it is deleted too.' })
  to!: Date;
}
