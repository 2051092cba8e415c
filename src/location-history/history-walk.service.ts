import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { type Connection, connectionOf, readCursor, writeCursor } from '../common/graphql/connection.js';
import { parseId } from '../common/id.js';
import { OrderDirection } from '../trackers/dto/tracker-order.input.js';
import { HistoryResolution, resolve, type StoredResolution } from './history-resolution.js';
import { LocationHistoryRepository, type PageOfHistory } from './location-history.repository.js';
import type { LocationHistoryRow } from './location-history.row.js';

export interface WalkAsked {
  /** Null: all trackers. */
  trackerIds: readonly string[] | null;
  startTime: Date | null;
  endTime: Date | null;
  resolution: HistoryResolution;
  direction: OrderDirection;
  first: number;
  after: string | undefined;
}

/** A range that is open to its beginning is as long as can be. */
const BEGINNING = new Date(0);
const END = new Date('9999-12-31T23:59:59.999Z');

/**
 * Walks through history page by page.
 *
 * A cursor is the place of a row: its tracker, its time, and what it is of. So rows that come in meanwhile change
 * nothing for those that follow, and where the cut has passed the day that the walk stands in, the query ends that day as
 * it was begun: see sql/queries/location-history/find-page.sql.
 */
@Injectable()
export class HistoryWalkService {
  constructor(private readonly history: LocationHistoryRepository) {}

  /**
   * A page of the history of trackers, tracker by tracker in the order of their ids, each by time.
   *
   * @throws DomainError `BAD_USER_INPUT` (ids, range, cursor), `CONFLICT` for a cursor whose day has been folded so long
   * ago that it cannot be ended as it was begun.
   */
  async page(asked: WalkAsked): Promise<Connection<LocationHistoryRow>> {
    const { startTime: start, endTime: end, first, after, direction } = asked;
    if (start && end && start >= end) {
      throw new DomainError('BAD_USER_INPUT', 'startTime must be before endTime', {
        details: { argument: 'endTime' },
      });
    }
    const resolution = resolve(asked.resolution, { start: start ?? BEGINNING, end: end ?? END });
    const kind = `history ${asked.resolution} ${direction}`;
    const rows = await this.history.findPage({
      trackerIds: asked.trackerIds?.map((id) => parseId(id, 'trackerIds')) ?? null,
      start,
      end,
      newestFirst: direction === OrderDirection.DESC,
      limit: first + 1,
      ...placeOf(after, kind, resolution),
    });
    return connectionOf(rows, first, after, (row) => {
      return writeCursor([kind, resolution, row.trackerId, String(row.timestamp.getTime()), row.bucketSize]);
    });
  }
}

const STORED: ReadonlyMap<string, StoredResolution> = new Map([
  ['RAW', HistoryResolution.RAW],
  ['HOURLY', HistoryResolution.HOURLY],
  ['DAILY', HistoryResolution.DAILY],
]);
const PARTS = [/^(RAW|HOURLY|DAILY)$/, /^\d+$/, /^-?\d{1,13}$/, /^(1 hour|1 day|raw)$/];

/** Where the page begins; AUTO stays what it was at the first page, also when its range has grown since. */
function placeOf(
  cursor: string | undefined,
  kind: string,
  resolution: StoredResolution,
): Pick<PageOfHistory, 'after' | 'resolution'> {
  if (cursor === undefined) return { after: null, resolution };
  const [walked = '', trackerId = '', time = '', bucketSize = ''] = readCursor(cursor, kind, PARTS);
  return {
    resolution: STORED.get(walked) ?? resolution,
    after: { trackerId: parseId(trackerId, 'after'), timestamp: new Date(Number(time)), bucketSize },
  };
}
