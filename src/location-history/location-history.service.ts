import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { MAX_ROWS } from '../common/graphql/connection.js';
import { parseTimeZone } from '../common/time-zone.js';
import { timeRange } from '../common/time-range.js';
import type { TrackerStatus } from '../trackers/tracker-status.enum.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { parseBucketSize } from './bucket-size.js';
import { HistoryResolution } from './history-resolution.js';
import { formatLocationId, parseLocationId } from './location-id.js';
import { LocationHistoryRepository } from './location-history.repository.js';
import type { LocationHistoryRow } from './location-history.row.js';

/** Limits of the newest rows to find; null: no limit. */
export interface NewestRowsQuery {
  start: Date | null;
  end: Date | null;
  /** Maximum number of rows per tracker. */
  first: number;
}

@Injectable()
export class LocationHistoryService {
  constructor(
    private readonly history: LocationHistoryRepository,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * History of a tracker in buckets of one size, oldest first. Days include yesterday and today; hours exist
   * for the hourly retention only.
   *
   * @param timeZone time zone of the days; undefined: UTC.
   * @throws DomainError `BAD_USER_INPUT` (id, range, bucket size, time zone, too many rows), `NOT_FOUND` (tracker).
   */
  async findAggregated(
    trackerId: string,
    start: Date,
    end: Date,
    bucketSize: string,
    timeZone?: string,
  ): Promise<LocationHistoryRow[]> {
    const resolution = parseBucketSize(bucketSize);
    const zone = timeZone === undefined ? null : parseTimeZone(timeZone);
    if (timeZone !== undefined && resolution !== HistoryResolution.DAILY) {
      throw new DomainError(
        'BAD_USER_INPUT',
        `timeZone requires the bucketSize "1 day", not "${bucketSize}"`,
        {
          details: { argument: 'timeZone' },
        },
      );
    }
    const range = timeRange(start, end);
    const tracker = await this.trackers.get(trackerId);
    const query = { ...range, trackerId: tracker.id, resolution, timeZone: zone };
    return rejectTooManyRows(await this.history.findRange(query, MAX_ROWS + 1, 'excluded'));
  }

  /**
   * History of a tracker in the finest aggregates kept, oldest first: days before the cut, hours after it.
   *
   * @throws DomainError `BAD_USER_INPUT` (id, range, too many rows), `NOT_FOUND` (tracker).
   */
  async findByTimeRange(trackerId: string, start: Date, end: Date): Promise<LocationHistoryRow[]> {
    const range = timeRange(start, end);
    const tracker = await this.trackers.get(trackerId);
    const query = {
      ...range,
      trackerId: tracker.id,
      resolution: HistoryResolution.HOURLY,
      timeZone: null,
    } as const;
    return rejectTooManyRows(await this.history.findRange(query, MAX_ROWS + 1, 'included'));
  }

  /** The newest rows of a tracker, newest first. @throws DomainError `BAD_USER_INPUT` (id), `NOT_FOUND`. */
  async findNewest(trackerId: string, limit: number): Promise<LocationHistoryRow[]> {
    const tracker = await this.trackers.get(trackerId);
    return this.history.findNewest([tracker.id], { start: null, end: null }, limit);
  }

  /** The newest rows of each tracker, newest first, in the order of the ids. One statement. */
  async findNewestByTracker(
    trackerIds: readonly string[],
    query: NewestRowsQuery,
  ): Promise<LocationHistoryRow[][]> {
    const byTracker = new Map<string, LocationHistoryRow[]>(trackerIds.map((id) => [id, []]));
    for (const row of await this.history.findNewest(trackerIds, query, query.first)) {
      byTracker.get(row.trackerId)?.push(row);
    }
    return [...byTracker.values()];
  }

  /** The newest rows of all trackers with one of these current statuses (null: any), newest report first. */
  findRecent(limit: number, statuses: readonly TrackerStatus[] | null): Promise<LocationHistoryRow[]> {
    return this.history.findRecent(statuses, limit);
  }

  /** The newest row of each tracker, in the order of the ids; null for one without history. */
  async findLatest(trackerIds: readonly string[]): Promise<(LocationHistoryRow | null)[]> {
    const byTracker = new Map((await this.history.findLatest(trackerIds)).map((row) => [row.trackerId, row]));
    return trackerIds.map((id) => byTracker.get(id) ?? null);
  }

  /**
   * The rows with these ids, in their order. Ids without a row are left out, for example of an hour that is no longer
   * kept.
   *
   * @throws DomainError `BAD_USER_INPUT` for a text that is not an id of a row.
   */
  async findMany(ids: readonly string[], argument: string): Promise<LocationHistoryRow[]> {
    const locationIds = ids.map((id) => parseLocationId(id, argument));
    const byId = new Map((await this.history.findByIds(locationIds)).map((row) => [row.id, row]));
    return locationIds.flatMap((id) => byId.get(formatLocationId(id)) ?? []);
  }
}

/** @throws DomainError `BAD_USER_INPUT` for more than MAX_ROWS rows: a truncated list would look complete. */
function rejectTooManyRows(rows: LocationHistoryRow[]): LocationHistoryRow[] {
  if (rows.length <= MAX_ROWS) return rows;
  throw new DomainError(
    'BAD_USER_INPUT',
    `The range has more than ${MAX_ROWS} rows; give a shorter one, or page with locationHistoryConnection`,
    { details: { argument: 'endTime' } },
  );
}
