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
      'New reports of trackers as they are ingested, each newer than the previous one of its tracker. An older ' +
      'report that arrives later changes history, but is not sent.',
    resolve: toLocationUpdateModel,
  })
  locationUpdated(
    @Args() { trackerIds, since }: LocationUpdatesArgs,
  ): Promise<AsyncIterableIterator<LiveUpdate>> {
    return this.live.subscribeToLocations(trackerIds, since ?? null);
  }

  @Subscription(() => StatusChangeModel, {
    description: 'Status changes of trackers, from now on; `statusHistory` has the earlier ones.',
    resolve: (change: StatusChange) => change,
  })
  trackerStatusChanged(
    @Args('trackerIds', {
      type: () => [ID],
      nullable: true,
      description: 'Ids of the trackers; all by default.',
    })
    trackerIds?: string[] | null,
  ): Promise<AsyncIterableIterator<StatusChange>> {
    return this.live.subscribeToStatuses(trackerIds ?? null);
  }
}
