import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { type Connection, connectionOf, readCursor, writeCursor } from '../common/graphql/connection.js';
import { parseId } from '../common/id.js';
import { OrderDirection } from '../trackers/dto/tracker-order.input.js';
import { chooseResolution, HistoryResolution, type RowResolution } from './history-resolution.js';
import { type HistoryPageQuery, LocationHistoryRepository } from './location-history.repository.js';
import type { LocationHistoryRow } from './location-history.row.js';

export interface HistoryPageRequest {
  /** Null: all trackers. */
  trackerIds: readonly string[] | null;
  startTime: Date | null;
  endTime: Date | null;
  resolution: HistoryResolution;
  direction: OrderDirection;
  first: number;
  after: string | undefined;
}

/** Default bounds of a range, from whose length AUTO chooses a resolution. */
const BEGINNING = new Date(0);
const END = new Date('9999-12-31T23:59:59.999Z');

/**
 * Reads history page by page.
 *
 * A cursor contains the tracker, time and resolution of a row, so new rows do not shift the next pages. If the cut has
 * passed the day of the cursor, the query still returns the rest of that day in hours: see
 * sql/queries/location-history/find-page.sql.
 */
@Injectable()
export class HistoryConnectionService {
  constructor(private readonly history: LocationHistoryRepository) {}

  /**
   * Finds a page of the history of trackers, sorted by tracker id and then by time.
   *
   * @throws DomainError `BAD_USER_INPUT` (ids, range, cursor); `CONFLICT` for a cursor inside a day whose hours are no
   * longer kept.
   */
  async findPage(request: HistoryPageRequest): Promise<Connection<LocationHistoryRow>> {
    const { startTime: start, endTime: end, first, after, direction } = request;
    if (start && end && start >= end) {
      throw new DomainError('BAD_USER_INPUT', 'startTime must be before endTime', {
        details: { argument: 'endTime' },
      });
    }
    const resolution = chooseResolution(request.resolution, { start: start ?? BEGINNING, end: end ?? END });
    const kind = `history ${request.resolution} ${direction}`;
    const rows = await this.history.findPage({
      trackerIds: request.trackerIds?.map((id) => parseId(id, 'trackerIds')) ?? null,
      start,
      end,
      newestFirst: direction === OrderDirection.DESC,
      limit: first + 1,
      ...readPosition(after, kind, resolution),
    });
    return connectionOf(rows, first, after, (row) => {
      return writeCursor([kind, resolution, row.trackerId, String(row.timestamp.getTime()), row.bucketSize]);
    });
  }
}

const ROW_RESOLUTIONS: ReadonlyMap<string, RowResolution> = new Map([
  ['RAW', HistoryResolution.RAW],
  ['HOURLY', HistoryResolution.HOURLY],
  ['DAILY', HistoryResolution.DAILY],
]);
const CURSOR_PARTS = [/^(RAW|HOURLY|DAILY)$/, /^\d+$/, /^-?\d{1,13}$/, /^(1 hour|1 day|raw)$/];

/** Reads the start of the page from the cursor, with the resolution that AUTO chose for the first page. */
function readPosition(
  cursor: string | undefined,
  kind: string,
  resolution: RowResolution,
): Pick<HistoryPageQuery, 'after' | 'resolution'> {
  if (cursor === undefined) return { after: null, resolution };
  const [chosen = '', trackerId = '', time = '', bucketSize = ''] = readCursor(cursor, kind, CURSOR_PARTS);
  return {
    resolution: ROW_RESOLUTIONS.get(chosen) ?? resolution,
    after: { trackerId: parseId(trackerId, 'after'), timestamp: new Date(Number(time)), bucketSize },
  };
}
