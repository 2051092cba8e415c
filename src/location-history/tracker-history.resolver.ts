import { Args, Context, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { costOfList } from '../common/graphql/query-cost.js';
import { RequestContext } from '../common/graphql/request-context.js';
import { TrackerModel } from '../trackers/tracker.model.js';
import { NewestHistoryArgs } from './dto/newest-history.args.js';
import { LocationHistoryModel, toLocationHistoryModel } from './location-history.model.js';
import type { LocationHistoryRow } from './location-history.row.js';
import { LocationHistoryService } from './location-history.service.js';

/** The fields that this module adds to Tracker. */
@Resolver(() => TrackerModel)
export class TrackerHistoryResolver {
  constructor(private readonly history: LocationHistoryService) {}

  @ResolveField(() => LocationHistoryModel, {
    nullable: true,
    description: 'Newest row of its history; null if it has no reports yet.',
  })
  async latestLocation(
    @Parent() tracker: TrackerModel,
    @Context() context: RequestContext,
  ): Promise<LocationHistoryModel | null> {
    const row = await context.loader(this.history, (ids) => this.history.findLatest(ids)).load(tracker.id);
    return row && toLocationHistoryModel(row);
  }

  @ResolveField(() => [LocationHistoryModel], {
    description: 'The newest rows of its history, newest first: hours for yesterday and today, then days.',
    complexity: costOfList('first'),
  })
  async locationHistory(
    @Parent() tracker: TrackerModel,
    @Args() args: NewestHistoryArgs,
    @Context() context: RequestContext,
  ): Promise<LocationHistoryModel[]> {
    const query = { first: args.first, start: args.startTime ?? null, end: args.endTime ?? null };
    const load = (ids: readonly string[]): Promise<LocationHistoryRow[][]> =>
      this.history.findNewestByTracker(ids, query);
    const rows = await context.loader(this.history, load, ['newest', query]).load(tracker.id);
    return (rows ?? []).map(toLocationHistoryModel);
  }
}
