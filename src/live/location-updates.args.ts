import { ArgsType, Field, ID } from '@nestjs/graphql';
import { MOST_TRACKERS } from './live.service.js';

@ArgsType()
export class LocationUpdatesArgs {
  @Field(() => [ID], { description: `Ids of the trackers, ${MOST_TRACKERS.toLocaleString('en')} at most.` })
  trackerIds!: string[];

  @Field(() => Date, {
    nullable: true,
    description:
      'Time of the last update that was got: those after it come first. Without it only new ones come.',
  })
  since?: Date | null;
}
