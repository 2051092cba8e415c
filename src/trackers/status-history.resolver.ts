import { Context, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { RequestContext } from '../common/graphql/request-context.js';
import { StatusHistory } from './status-history.model.js';
import { toTrackerModel, TrackerModel } from './tracker.model.js';
import { TrackersService } from './trackers.service.js';

@Resolver(() => StatusHistory)
export class StatusHistoryResolver {
  constructor(private readonly trackers: TrackersService) {}

  @ResolveField(() => TrackerModel, { description: 'The tracker that has or had this status.' })
  async tracker(@Parent() row: StatusHistory, @Context() context: RequestContext): Promise<TrackerModel> {
    const tracker = await context
      .loader(this.trackers, (ids) => this.trackers.findMany(ids))
      .load(row.trackerId);
    return toTrackerModel(tracker ?? (await this.trackers.get(row.trackerId)));
  }
}
