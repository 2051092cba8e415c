import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { type Connection, connectionOf, readCursor, writeCursor } from '../common/graphql/connection.js';
import { parseId } from '../common/id.js';
import type { TrackerFilter } from './dto/tracker-filter.input.js';
import { OrderDirection, type TrackerOrder, TrackerOrderField } from './dto/tracker-order.input.js';
import {
  type DurationStatsRow,
  type NearbyTracker,
  type TrackerPageQuery,
  type SortedTracker,
  TrackerSearchRepository,
} from './tracker-search.repository.js';

/** Pattern of the sort key in a cursor. */
const SORT_KEY_PATTERNS: Readonly<Record<TrackerOrderField, RegExp>> = {
  [TrackerOrderField.NAME]: /^[^\0]{1,1000}$/s,
  [TrackerOrderField.CREATED_AT]: /^-?\d{1,16}$/,
  [TrackerOrderField.LAST_SEEN]: /^-?\d{1,16}$/,
};
const BY_NAME: TrackerOrder = { field: TrackerOrderField.NAME, direction: OrderDirection.ASC };

@Injectable()
export class TrackerSearchService {
  constructor(private readonly trackers: TrackerSearchRepository) {}

  /**
   * Finds a page of the matching trackers.
   *
   * @param after cursor of the last tracker of the previous page, in the same order.
   * @throws DomainError `BAD_USER_INPUT` (cursor, box).
   */
  async findPage(
    first: number,
    after: string | undefined,
    order: TrackerOrder = BY_NAME,
    filter: TrackerFilter = {},
  ): Promise<Connection<SortedTracker>> {
    checkBox(filter);
    const { field, direction } = order;
    const kind = `trackers ${field} ${direction}`;
    const position = after === undefined ? null : readPosition(after, kind, field);
    const rows = await this.trackers.findPage(filter, {
      field,
      direction,
      after: position,
      limit: first + 1,
    });
    return connectionOf(rows, first, after, (row) => writeCursor([kind, row.sortKey, row.id]));
  }

  /** Number of matching trackers. */
  count(filter: TrackerFilter = {}): Promise<number> {
    return this.trackers.count(filter);
  }

  /** Trackers whose newest location is within the radius, nearest first. */
  findNear(
    latitude: number,
    longitude: number,
    radiusMeters: number,
    limit: number,
  ): Promise<NearbyTracker[]> {
    return this.trackers.findNear({ latitude, longitude, radiusMeters }, limit);
  }

  /** How long the matching trackers had each status. @throws DomainError `BAD_USER_INPUT` (box). */
  durationStats(filter: TrackerFilter = {}): Promise<DurationStatsRow[]> {
    checkBox(filter);
    return this.trackers.durationStats(filter);
  }
}

function readPosition(after: string, kind: string, field: TrackerOrderField): TrackerPageQuery['after'] {
  const [sortKey = '', id = ''] = readCursor(after, kind, [SORT_KEY_PATTERNS[field], /^\d+$/]);
  return { sortKey, id: parseId(id, 'after') };
}

function checkBox({ box }: TrackerFilter): void {
  if (box && box.south > box.north) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `box.south (${box.south}) must not be greater than box.north (${box.north})`,
      { details: { argument: 'box' } },
    );
  }
}
