import { Args, Context, Int, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { costOfConnection, costOfList } from '../common/graphql/query-cost.js';
import { RequestContext } from '../common/graphql/request-context.js';
import { TrackerFilter } from './dto/tracker-filter.input.js';
import { TrackersConnectionArgs } from './dto/trackers-connection.args.js';
import { TrackersNearArgs } from './dto/trackers-near.args.js';
import type { DurationStatsRow } from './tracker-search.repository.js';
import { DurationStats, NearbyTrackerModel, TrackerConnection } from './tracker-search.model.js';
import { TrackerSearchService } from './tracker-search.service.js';
import { toTrackerModel } from './tracker.model.js';
import { TrackerStatus } from './tracker-status.enum.js';

@Resolver(() => TrackerConnection)
export class TrackerSearchResolver {
  constructor(private readonly trackers: TrackerSearchService) {}

  @Query(() => TrackerConnection, {
    description: 'Trackers page by page, filtered and sorted.',
    complexity: costOfConnection('first'),
  })
  async trackersConnection(@Args() args: TrackersConnectionArgs): Promise<TrackerConnection> {
    const { first, after, orderBy, filter } = args;
    const page = await this.trackers.findPage(first, after ?? undefined, orderBy ?? undefined, filter ?? {});
    const edges = page.edges.map(({ cursor, node }) => ({ cursor, node: toTrackerModel(node) }));
    return { edges, nodes: edges.map(({ node }) => node), pageInfo: page.pageInfo, filter: filter ?? {} };
  }

  @ResolveField(() => Int, {
    description: 'Number of matching trackers on all pages; counted only when selected.',
  })
  async totalCount(
    @Parent() { filter }: TrackerConnection,
    @Context() context: RequestContext,
  ): Promise<number> {
    const count = async (): Promise<number[]> => [await this.trackers.count(filter)];
    return (await context.loader(this, count, filter).load('')) ?? 0;
  }

  @Query(() => [NearbyTrackerModel], {
    description: 'Trackers whose newest location is within a radius of a point, nearest first.',
    complexity: costOfList('limit'),
  })
  async trackersNear(@Args() args: TrackersNearArgs): Promise<NearbyTrackerModel[]> {
    const found = await this.trackers.findNear(args.latitude, args.longitude, args.radiusMeters, args.limit);
    return found.map(({ distanceMeters, ...tracker }) => ({
      distanceMeters,
      tracker: toTrackerModel(tracker),
    }));
  }

  @Query(() => DurationStats, { description: 'How long trackers were in each status, up to now.' })
  async durationStats(
    @Args('filter', {
      type: () => TrackerFilter,
      nullable: true,
      description: 'Which trackers; all by default.',
    })
    filter: TrackerFilter | null,
  ): Promise<DurationStats> {
    return toDurationStats(await this.trackers.durationStats(filter ?? {}));
  }
}

function toDurationStats(statuses: DurationStatsRow[]): DurationStats {
  const hoursOf = (status: TrackerStatus): number =>
    (statuses.find((row) => row.status === status)?.averageSeconds ?? 0) / 3600;
  return {
    totalTrackers: statuses[0]?.totalTrackers ?? 0,
    averageTransitTime: hoursOf(TrackerStatus.IN_TRANSIT),
    averageStorageTime: hoursOf(TrackerStatus.IN_STORAGE),
    statuses,
  };
}
