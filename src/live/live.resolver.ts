import { Args, ID, Resolver, Subscription } from '@nestjs/graphql';
import { LocationUpdatesArgs } from './location-updates.args.js';
import { LocationUpdateModel, StatusChangeModel, toLocationUpdateModel } from './live.model.js';
import type { LiveUpdate, StatusChange } from './live.repository.js';
import { LiveService } from './live.service.js';

@Resolver()
export class LiveResolver {
  constructor(private readonly live: LiveService) {}

  @Subscription(() => LocationUpdateModel, {
    description:
      'Reports of trackers as they come in, each newer than the one before it of the same tracker; one that comes ' +
      'late, and is older, changes history and not where the tracker is.',
    resolve: toLocationUpdateModel,
  })
  locationUpdated(
    @Args() { trackerIds, since }: LocationUpdatesArgs,
  ): Promise<AsyncIterableIterator<LiveUpdate>> {
    return this.live.updates(trackerIds, since ?? null);
  }

  @Subscription(() => StatusChangeModel, {
    description: 'Changes of the status of trackers, from now on; what was before is in `statusHistory`.',
    resolve: (change: StatusChange) => change,
  })
  trackerStatusChanged(
    @Args('trackerIds', {
      type: () => [ID],
      nullable: true,
      description: 'Ids of the trackers; not given: all.',
    })
    trackerIds?: string[] | null,
  ): Promise<AsyncIterableIterator<StatusChange>> {
    return this.live.statusChanges(trackerIds ?? null);
  }
}
