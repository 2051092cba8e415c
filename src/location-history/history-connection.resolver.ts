import { Args, Query, Resolver } from '@nestjs/graphql';
import { costOfConnection } from '../common/graphql/query-cost.js';
import { LocationHistoryConnectionArgs } from './dto/location-history-connection.args.js';
import { LocationHistoryConnection } from './history-connection.model.js';
import { HistoryConnectionService } from './history-connection.service.js';
import { toLocationHistoryModel } from './location-history.model.js';

/** History of many trackers, page by page. */
@Resolver()
export class HistoryConnectionResolver {
  constructor(private readonly pages: HistoryConnectionService) {}

  @Query(() => LocationHistoryConnection, {
    description:
      'History page by page, sorted by tracker id and then by time. Paging to the end returns each row once, even if reports arrive meanwhile, and never the same day both as hours and as a day.',
    complexity: costOfConnection('first'),
  })
  async locationHistoryConnection(
    @Args() args: LocationHistoryConnectionArgs,
  ): Promise<LocationHistoryConnection> {
    const page = await this.pages.findPage({
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
}
