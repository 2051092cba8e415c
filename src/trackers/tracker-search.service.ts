import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { type Connection, connectionOf, readCursor, writeCursor } from '../common/graphql/connection.js';
import { parseId } from '../common/id.js';
import type { TrackerFilter } from './dto/tracker-filter.input.js';
import { OrderDirection, type TrackerOrder, TrackerOrderField } from './dto/tracker-order.input.js';
import {
  type DurationStatsRow,
  type NearbyTracker,
  type PageOfTrackers,
  type PlacedTracker,
  TrackerSearchRepository,
} from './tracker-search.repository.js';

/** What the place of a tracker in an order looks like in a cursor. */
const PLACE: Readonly<Record<TrackerOrderField, RegExp>> = {
  [TrackerOrderField.NAME]: /^[^\0]{1,1000}$/s,
  [TrackerOrderField.CREATED_AT]: /^-?\d{1,16}$/,
  [TrackerOrderField.LAST_SEEN]: /^-?\d{1,16}$/,
};
const BY_NAME: TrackerOrder = { field: TrackerOrderField.NAME, direction: OrderDirection.ASC };

@Injectable()
export class TrackerSearchService {
  constructor(private readonly trackers: TrackerSearchRepository) {}

  /**
   * A page of the trackers that match, in an order.
   *
   * @param after cursor of the tracker before the page, of a list in the same order.
   * @throws DomainError `BAD_USER_INPUT` (cursor, box).
   */
  async page(
    first: number,
    after: string | undefined,
    order: TrackerOrder = BY_NAME,
    filter: TrackerFilter = {},
  ): Promise<Connection<PlacedTracker>> {
    checkBox(filter);
    const { field, direction } = order;
    const kind = `trackers ${field} ${direction}`;
    const place = after === undefined ? null : placeOf(after, kind, field);
    const rows = await this.trackers.findPage(filter, { field, direction, after: place, limit: first + 1 });
    return connectionOf(rows, first, after, (row) => writeCursor([kind, row.place, row.id]));
  }

  /** How many trackers match. */
  count(filter: TrackerFilter = {}): Promise<number> {
    return this.trackers.count(filter);
  }

  /** Trackers whose newest place is no farther away than that, nearest first. */
  near(latitude: number, longitude: number, radiusMeters: number, limit: number): Promise<NearbyTracker[]> {
    return this.trackers.findNear({ latitude, longitude, radiusMeters }, limit);
  }

  /** How long the trackers that match had each status. @throws DomainError `BAD_USER_INPUT` (box). */
  durationStats(filter: TrackerFilter = {}): Promise<DurationStatsRow[]> {
    checkBox(filter);
    return this.trackers.durationStats(filter);
  }
}

function placeOf(after: string, kind: string, field: TrackerOrderField): PageOfTrackers['after'] {
  const [place = '', id = ''] = readCursor(after, kind, [PLACE[field], /^\d+$/]);
  return { place, id: parseId(id, 'after') };
}

function checkBox({ box }: TrackerFilter): void {
  if (box && box.south > box.north) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `south (${box.south}) must not be greater than north (${box.north})`,
      { details: { argument: 'box' } },
    );
  }
}
