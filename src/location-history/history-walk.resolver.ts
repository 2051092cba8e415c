import { Args, Query, Resolver } from '@nestjs/graphql';
import { costOfConnection } from '../common/graphql/query-cost.js';
import { LocationHistoryArgs } from './dto/location-history.args.js';
import { LocationHistoryConnectionArgs } from './dto/location-history-connection.args.js';
import { LocationHistoryConnection } from './history-connection.model.js';
import { LocationHistoryRange } from './history-points.model.js';
import { HistoryPointsService } from './history-points.service.js';
import { HistoryWalkService } from './history-walk.service.js';
import { toLocationHistoryModel } from './location-history.model.js';

/** History in pages, and as a line on a map or in a chart. */
@Resolver()
export class HistoryWalkResolver {
  constructor(
    private readonly walks: HistoryWalkService,
    private readonly ranges: HistoryPointsService,
  ) {}

  @Query(() => LocationHistoryConnection, {
    description:
      'History page by page, tracker by tracker in the order of their ids. A walk gives each row once, whatever comes in meanwhile, and no day both as hours and as a day.',
    complexity: costOfConnection('first'),
  })
  async locationHistoryConnection(
    @Args() args: LocationHistoryConnectionArgs,
  ): Promise<LocationHistoryConnection> {
    const page = await this.walks.page({
      trackerIds: args.trackerIds ?? null,
      startTime: args.startTime ?? null,
      endTime: args.endTime ?? null,
      resolution: args.resolution,
      direction: args.direction,
      first: args.first,
      after: args.after ?? undefined,
    });
    const edges = page.edges.map(({ cursor, node }) => ({ cursor, node: toLocationHistoryModel(node) }));
    return { edges, nodes: edges.map(({ node }) => node), pageInfo: page.pageInfo };
  }

  @Query(() => LocationHistoryRange, {
    description:
      'History of a tracker for a map or a chart: what overlaps [startTime, endTime), in a resolution that suits the range, thinned where it is long, with its gaps.',
    complexity: costOfConnection('maxPoints'),
  })
  async locationHistory(@Args() args: LocationHistoryArgs): Promise<LocationHistoryRange> {
    const { rows, ...rest } = await this.ranges.points(args);
    return { ...rest, rows: rows.map(toLocationHistoryModel) };
  }
}
