import { Args, Context, Float, Mutation, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { costOfList } from '../common/graphql/query-cost.js';
import { RequestContext } from '../common/graphql/request-context.js';
import { SetTrackerStatusArgs } from './dto/set-tracker-status.args.js';
import { StatusHistoryArgs } from './dto/status-history.args.js';
import { StatusHistory } from './status-history.model.js';
import type { DurationsRow } from './tracker-statuses.repository.js';
import { TrackerStatusesService } from './tracker-statuses.service.js';
import { toTrackerModel, TrackerModel } from './tracker.model.js';

const SECONDS_PER_HOUR = 3600;

/** The current and former statuses of a tracker. */
@Resolver(() => TrackerModel)
export class TrackerStatusesResolver {
  constructor(private readonly statuses: TrackerStatusesService) {}

  @Mutation(() => TrackerModel, {
    description: 'Sets the status of a tracker from now on. Setting its current status changes nothing.',
  })
  async setTrackerStatus(@Args() args: SetTrackerStatusArgs): Promise<TrackerModel> {
    const { trackerId, status, note, by } = args;
    return toTrackerModel(
      await this.statuses.set(trackerId, { status, reason: note ?? null, changedBy: by ?? null }),
    );
  }

  @ResolveField(() => [StatusHistory], {
    description: 'Its statuses, newest first: the first is the current one.',
    complexity: costOfList('first'),
  })
  async statusHistory(
    @Parent() tracker: TrackerModel,
    @Args() { first }: StatusHistoryArgs,
    @Context() context: RequestContext,
  ): Promise<StatusHistory[]> {
    const load = (ids: readonly string[]): Promise<StatusHistory[][]> =>
      this.statuses.findHistory(ids, first);
    return (await context.loader(this.statuses, load, ['history', first]).load(tracker.id)) ?? [];
  }

  @ResolveField(() => Date, { description: 'When the current status began.' })
  async currentStateStart(
    @Parent() tracker: TrackerModel,
    @Context() context: RequestContext,
  ): Promise<Date> {
    return (await this.durationsOf(tracker, context))?.currentSince ?? tracker.createdAt;
  }

  @ResolveField(() => Float, { description: 'Total hours in IN_TRANSIT, up to now.' })
  async totalTransitTime(
    @Parent() tracker: TrackerModel,
    @Context() context: RequestContext,
  ): Promise<number> {
    return ((await this.durationsOf(tracker, context))?.transitSeconds ?? 0) / SECONDS_PER_HOUR;
  }

  @ResolveField(() => Float, { description: 'Total hours in IN_STORAGE, up to now.' })
  async totalStorageTime(
    @Parent() tracker: TrackerModel,
    @Context() context: RequestContext,
  ): Promise<number> {
    return ((await this.durationsOf(tracker, context))?.storageSeconds ?? 0) / SECONDS_PER_HOUR;
  }

  private durationsOf({ id }: TrackerModel, context: RequestContext): Promise<DurationsRow | null> {
    return context.loader(this.statuses, (ids) => this.statuses.findDurations(ids), 'durations').load(id);
  }
}
