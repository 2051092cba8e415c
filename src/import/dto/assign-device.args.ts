import { ArgsType, Field, ID } from '@nestjs/graphql';
import { Length, Matches } from 'class-validator';

@ArgsType()
export class AssignDeviceArgs {
  @Field(() => String, {
    description:
      'Name that a source uses for the tracker, e.g. "user/phone" of OwnTracks; 1 to 200 characters.',
  })
  @Length(1, 200)
  @Matches(/^[^\p{Control}\p{Surrogate}]*$/u, { message: 'device must not contain control characters' })
  device!: string;

  @Field(() => ID, { nullable: true, description: 'Id of the tracker; null removes the assignment.' })
  trackerId?: string | null;
}
