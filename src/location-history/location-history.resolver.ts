import { Args, Context, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { costOfList } from '../common/graphql/query-cost.js';
import { RequestContext } from '../common/graphql/request-context.js';
import { toTrackerModel, TrackerModel } from '../trackers/tracker.model.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { TrackerTimeRangeArgs } from '../trackers/dto/tracker-time-range.args.js';
import { AggregatedHistoryArgs } from './dto/aggregated-history.args.js';
import { HistoryByTrackerArgs, RecentHistoryArgs } from './dto/newest-history.args.js';
import { costOfRange } from './history-cost.js';
import { LocationHistoryModel, toLocationHistoryModel } from './location-history.model.js';
import { LocationHistoryService } from './location-history.service.js';

@Resolver(() => LocationHistoryModel)
export class LocationHistoryResolver {
  constructor(
    private readonly history: LocationHistoryService,
    private readonly trackers: TrackersService,
  ) {}

  @Query(() => [LocationHistoryModel], {
    description:
      'History of a tracker in hours or days: the rows that overlap [startTime, endTime), oldest first.',
    complexity: costOfRange,
  })
  async locationHistoryAggregated(@Args() args: AggregatedHistoryArgs): Promise<LocationHistoryModel[]> {
    const { trackerId, startTime, endTime, bucketSize, timeZone } = args;
    const rows = await this.history.findAggregated(
      trackerId,
      startTime,
      endTime,
      bucketSize,
      timeZone ?? undefined,
    );
    return rows.map(toLocationHistoryModel);
  }

  @Query(() => [LocationHistoryModel], {
    description:
      'History of a tracker in the finest aggregates kept, oldest first: days, then hours for yesterday and today.',
    complexity: costOfRange,
  })
  async locationHistoryByTimeRange(@Args() args: TrackerTimeRangeArgs): Promise<LocationHistoryModel[]> {
    const rows = await this.history.findByTimeRange(args.trackerId, args.startTime, args.endTime);
    return rows.map(toLocationHistoryModel);
  }

  @Query(() => [LocationHistoryModel], {
    description:
      'The newest rows of the history of a tracker, newest first: hours for yesterday and today, then days.',
    complexity: costOfList('limit'),
  })
  async locationHistoryByTracker(@Args() args: HistoryByTrackerArgs): Promise<LocationHistoryModel[]> {
    return (await this.history.findNewest(args.trackerId, args.limit)).map(toLocationHistoryModel);
  }

  @Query(() => [LocationHistoryModel], {
    description: 'The newest rows of the history of all trackers, newest report first.',
    complexity: costOfList('limit'),
  })
  async recentLocationHistory(@Args() args: RecentHistoryArgs): Promise<LocationHistoryModel[]> {
    const rows = await this.history.findRecent(args.limit, args.currentStatuses ?? null);
    return rows.map(toLocationHistoryModel);
  }

  @ResolveField(() => TrackerModel, { description: 'The tracker that this row belongs to.' })
  async tracker(
    @Parent() row: LocationHistoryModel,
    @Context() context: RequestContext,
  ): Promise<TrackerModel> {
    const tracker = await context
      .loader(this.trackers, (ids) => this.trackers.findMany(ids))
      .load(row.trackerId);
    return toTrackerModel(tracker ?? (await this.trackers.get(row.trackerId)));
  }
}
