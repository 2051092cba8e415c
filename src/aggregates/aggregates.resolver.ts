import { Args, Mutation, Resolver } from '@nestjs/graphql';
import { TrackerTimeRangeArgs } from '../trackers/dto/tracker-time-range.args.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { AggregatesService } from './aggregates.service.js';

@Resolver()
export class AggregatesResolver {
  constructor(
    private readonly aggregates: AggregatesService,
    private readonly trackers: TrackersService,
  ) {}

  @Mutation(() => Boolean, {
    description:
      'Refreshes the hourly and daily aggregates and the materialized view from the raw reports of a range. ' +
      'Where raw reports are no longer kept nothing changes.',
  })
  async refreshLocationHistoryAggregates(@Args() args: TrackerTimeRangeArgs): Promise<boolean> {
    await this.trackers.get(args.trackerId);
    await this.aggregates.refresh(args.startTime, args.endTime);
    return true;
  }
}
