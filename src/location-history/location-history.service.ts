import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { MAX_ROWS } from '../common/graphql/connection.js';
import { parseTimeZone } from '../common/time-zone.js';
import { timeRange } from '../common/time-range.js';
import type { TrackerStatus } from '../trackers/tracker-status.enum.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { type BucketSize, parseBucketSize } from './bucket-size.js';
import { HistoryResolution, type StoredResolution } from './history-resolution.js';
import { formatLocationId, parseLocationId } from './location-id.js';
import { LocationHistoryRepository } from './location-history.repository.js';
import type { LocationHistoryRow } from './location-history.row.js';

const RESOLUTIONS: Readonly<Record<BucketSize, StoredResolution>> = {
  '1 hour': HistoryResolution.HOURLY,
  '1 day': HistoryResolution.DAILY,
};

/** Which rows of several trackers are asked for; null: open. */
export interface NewestRows {
  start: Date | null;
  end: Date | null;
  /** How many of each tracker at most. */
  first: number;
}

@Injectable()
export class LocationHistoryService {
  constructor(
    private readonly history: LocationHistoryRepository,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * History of a tracker in buckets of one size, oldest first. Days include today and yesterday; hours are kept for
   * the hourly retention.
   *
   * @param timeZone days of this time zone; undefined: of UTC.
   * @throws DomainError `BAD_USER_INPUT` (id, range, bucket size, time zone, too many rows), `NOT_FOUND` (tracker).
   */
  async aggregated(
    trackerId: string,
    start: Date,
    end: Date,
    bucketSize: string,
    timeZone?: string,
  ): Promise<LocationHistoryRow[]> {
    const size = parseBucketSize(bucketSize);
    const zone = timeZone === undefined ? null : parseTimeZone(timeZone);
    if (timeZone !== undefined && size === '1 hour') {
      throw new DomainError('BAD_USER_INPUT', 'timeZone goes with the bucketSize "1 day"', {
        details: { argument: 'timeZone' },
      });
    }
    const range = timeRange(start, end);
    const tracker = await this.trackers.get(trackerId);
    const asked = { ...range, trackerId: tracker.id, resolution: RESOLUTIONS[size], timeZone: zone };
    return notTooMany(await this.history.findRange(asked, MAX_ROWS + 1, size));
  }

  /**
   * History of a tracker as finely as it is kept, oldest first: days up to the cut, hours from there on.
   *
   * @throws DomainError `BAD_USER_INPUT` (id, range, too many rows), `NOT_FOUND` (tracker).
   */
  async byTimeRange(trackerId: string, start: Date, end: Date): Promise<LocationHistoryRow[]> {
    const range = timeRange(start, end);
    const tracker = await this.trackers.get(trackerId);
    const asked = {
      ...range,
      trackerId: tracker.id,
      resolution: HistoryResolution.HOURLY,
      timeZone: null,
    } as const;
    return notTooMany(await this.history.findRange(asked, MAX_ROWS + 1));
  }

  /** The newest rows of a tracker, newest first. @throws DomainError `BAD_USER_INPUT` (id), `NOT_FOUND`. */
  async newest(trackerId: string, limit: number): Promise<LocationHistoryRow[]> {
    const tracker = await this.trackers.get(trackerId);
    return this.history.findNewest([tracker.id], { start: null, end: null }, limit);
  }

  /** The newest rows of each tracker, newest first, in the order of the ids. One statement. */
  async newestOf(trackerIds: readonly string[], asked: NewestRows): Promise<LocationHistoryRow[][]> {
    const byTracker = new Map<string, LocationHistoryRow[]>(trackerIds.map((id) => [id, []]));
    for (const row of await this.history.findNewest(trackerIds, asked, asked.first)) {
      byTracker.get(row.trackerId)?.push(row);
    }
    return [...byTracker.values()];
  }

  /** The newest rows of all trackers that have one of these statuses now (null: of all), newest report first. */
  recent(limit: number, statuses: readonly TrackerStatus[] | null): Promise<LocationHistoryRow[]> {
    return this.history.findRecent(statuses, limit);
  }

  /** The newest row of each tracker, in the order of the ids; null for one without history. */
  async latest(trackerIds: readonly string[]): Promise<(LocationHistoryRow | null)[]> {
    const byTracker = new Map((await this.history.findLatest(trackerIds)).map((row) => [row.trackerId, row]));
    return trackerIds.map((id) => byTracker.get(id) ?? null);
  }

  /**
   * The rows with these ids, in their order; an hour that has been folded into its day is left out, as is any other that
   * there is no row of, and a report that is no longer raw.
   *
   * @throws DomainError `BAD_USER_INPUT` for what is no id of a location.
   */
  async findMany(ids: readonly string[], argument: string): Promise<LocationHistoryRow[]> {
    const asked = ids.map((id) => parseLocationId(id, argument));
    const byId = new Map((await this.history.findMany(asked)).map((row) => [row.id, row]));
    return asked.flatMap((id) => byId.get(formatLocationId(id)) ?? []);
  }
}

/** A list that is cut would look whole. */
function notTooMany(rows: LocationHistoryRow[]): LocationHistoryRow[] {
  if (rows.length <= MAX_ROWS) return rows;
  throw new DomainError(
    'BAD_USER_INPUT',
    `The range has more than ${MAX_ROWS} rows; ask for a shorter one, or page with locationHistoryConnection`,
    { details: { argument: 'endTime' } },
  );
}
