import { ArgsType, Field, ID } from '@nestjs/graphql';
import { MAX_TRACKERS } from './live.service.js';

@ArgsType()
export class LocationUpdatesArgs {
  @Field(() => [ID], { description: `Ids of the trackers, at most ${MAX_TRACKERS.toLocaleString('en')}.` })
  trackerIds!: string[];

  @Field(() => Date, {
    nullable: true,
    description:
      'Timestamp of the last update received: the updates after it are sent first. Without it, only new updates are sent.',
  })
  since?: Date | null;
}
