import { Args, Query, Resolver } from '@nestjs/graphql';
import { costOfConnection } from '../common/graphql/query-cost.js';
import { LocationHistoryArgs } from './dto/location-history.args.js';
import { LocationHistoryRange } from './history-range.model.js';
import { HistoryRangeService } from './history-range.service.js';
import { toLocationHistoryModel } from './location-history.model.js';

/** History of one tracker for a map or a chart. */
@Resolver()
export class HistoryRangeResolver {
  constructor(private readonly ranges: HistoryRangeService) {}

  @Query(() => LocationHistoryRange, {
    description:
      'History of a tracker for a map or a chart: the rows that overlap [startTime, endTime), in a resolution that suits the range, thinned if it has too many rows, with its gaps.',
    complexity: costOfConnection('maxPoints'),
  })
  async locationHistory(@Args() args: LocationHistoryArgs): Promise<LocationHistoryRange> {
    const { rows, ...rest } = await this.ranges.find(args);
    return { ...rest, rows: rows.map(toLocationHistoryModel) };
  }
}
