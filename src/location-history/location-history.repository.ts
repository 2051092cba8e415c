import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/errors/domain-error.js';
import type { TimeRange } from '../common/time-range.js';
import { databaseErrorCode, SQLSTATE } from '../database/pg-errors.js';
import { queryVariant, sqlFile } from '../database/sql-files.js';
import type { TrackerStatus } from '../trackers/tracker-status.enum.js';
import type { BucketSize } from './bucket-size.js';
import { HistoryResolution, type StoredResolution } from './history-resolution.js';
import type { HistoryPointRow, LocationHistoryRow } from './location-history.row.js';
import type { LocationId } from './location-id.js';

/** The queries give the columns of latest_locations; the API's names and shapes are given in one place. */
const shaped = (query: string, further = ''): string => `
  SELECT v.id, v.tracker_id AS "trackerId", v.timestamp, v.bucket_size AS "bucketSize",
    ST_Y(v.location) AS latitude, ST_X(v.location) AS longitude, v.nearest_city AS "nearestCity",
    v.last_report_at AS "lastReportAt", v.first_report_at AS "firstReportAt",
    v.report_count::integer AS "reportCount", v.confidence, v.max_confidence AS "maxConfidence",
    v.horizontal_accuracy AS "horizontalAccuracy", v.status, v.source, v.altitude, v.speed, v.course, v.battery, v.motion,
    v.imprecise, v.located_at AS "locatedAt" ${further}
  FROM (${query}) AS v`;

/** A query with a variant for each resolution. */
function forEach(name: string, further?: string): Readonly<Record<StoredResolution, string>> {
  const variant = (resolution: StoredResolution): string => shaped(queryVariant(name, resolution), further);
  return {
    [HistoryResolution.RAW]: variant(HistoryResolution.RAW),
    [HistoryResolution.HOURLY]: variant(HistoryResolution.HOURLY),
    [HistoryResolution.DAILY]: variant(HistoryResolution.DAILY),
  };
}

const FIND_RANGE = forEach('queries/location-history/find-range', ', v.is_exact AS "exact"');
const FIND_POINTS = forEach(
  'queries/location-history/find-points',
  `, v.is_exact AS "exact", v.ends_at AS "endsAt", v.is_point AS "isPoint", v.row_count_in_range::integer AS "rowsInRange",
   v.gap_start AS "gapStart", v.kept_from AS "keptFrom", v.asked_at AS "askedAt"`,
);
const FIND_PAGE: Readonly<Record<StoredResolution, string>> = {
  [HistoryResolution.RAW]: shaped(sqlFile('queries/location-history/find-page-of-reports')),
  [HistoryResolution.HOURLY]: shaped(queryVariant('queries/location-history/find-page', 'HOURLY')),
  [HistoryResolution.DAILY]: shaped(queryVariant('queries/location-history/find-page', 'DAILY')),
};
const FIND_NEWEST = shaped(sqlFile('queries/location-history/find-newest'));
const FIND_RECENT = shaped(sqlFile('queries/location-history/find-recent'));
const FIND_MANY = shaped(sqlFile('queries/location-history/find-many'));
const FIND_LATEST = shaped(sqlFile('queries/location-history/find-latest'));

/** Which rows of one tracker are asked for. */
export interface RangeOfHistory extends TimeRange {
  trackerId: string;
  resolution: StoredResolution;
  /** Days of this time zone; null: of UTC. */
  timeZone: string | null;
}

/** A page of the history of several trackers. */
export interface PageOfHistory {
  /** Null: of all. */
  trackerIds: readonly string[] | null;
  start: Date | null;
  end: Date | null;
  resolution: StoredResolution;
  newestFirst: boolean;
  /** The row before the page; null: from the beginning. */
  after: { trackerId: string; timestamp: Date; bucketSize: string } | null;
  limit: number;
}

/** Reads history from the aggregates, never from the materialized view: they are fresher. One statement each. */
@Injectable()
export class LocationHistoryRepository {
  constructor(private readonly db: DataSource) {}

  /**
   * Rows that overlap the range, oldest first.
   *
   * @param size only rows of this bucket size, where given.
   */
  findRange(
    range: RangeOfHistory,
    limit: number,
    size: BucketSize | null = null,
  ): Promise<LocationHistoryRow[]> {
    const { trackerId, start, end, resolution, timeZone } = range;
    return knowingZone(
      timeZone,
      this.db.query(FIND_RANGE[resolution], [
        trackerId, start.toISOString(), end.toISOString(), timeZone, size, limit,
      ]), // prettier-ignore
    );
  }

  /** Rows that overlap the range, oldest first, thinned, with the gaps between all of them; at least one, see the query. */
  findPoints(range: RangeOfHistory, maxPoints: number, gapSeconds: number): Promise<HistoryPointRow[]> {
    const { trackerId, start, end, resolution, timeZone } = range;
    return knowingZone(
      timeZone,
      this.db.query(FIND_POINTS[resolution], [
        trackerId, start.toISOString(), end.toISOString(), timeZone, maxPoints, gapSeconds,
      ]), // prettier-ignore
    );
  }

  /**
   * Rows of several trackers, tracker by tracker.
   *
   * @throws DomainError `CONFLICT` when the rows that would have to follow are no longer kept as what they were.
   */
  async findPage(page: PageOfHistory): Promise<LocationHistoryRow[]> {
    const { trackerIds, start, end, resolution, newestFirst, after, limit } = page;
    try {
      return await this.db.query(FIND_PAGE[resolution], [
        trackerIds, start?.toISOString(), end?.toISOString(), newestFirst,
        after?.trackerId, after?.timestamp.toISOString(), after?.bucketSize, limit,
      ]); // prettier-ignore
    } catch (error) {
      if (databaseErrorCode(error) !== SQLSTATE.snapshotTooOld) throw error;
      throw new DomainError(
        'CONFLICT',
        'This cursor is too old: what follows it has been folded into a day since; begin again with that day',
        { cause: error, details: { argument: 'after' } },
      );
    }
  }

  /** The newest rows of each tracker that overlap the range, newest first: days up to the cut, hours from there on. */
  findNewest(
    trackerIds: readonly string[],
    { start, end }: { start: Date | null; end: Date | null },
    limit: number,
  ): Promise<LocationHistoryRow[]> {
    return this.db.query(FIND_NEWEST, [trackerIds, start?.toISOString(), end?.toISOString(), limit]);
  }

  /** The newest rows of all trackers that have one of these statuses now (null: of all), newest report first. */
  findRecent(statuses: readonly TrackerStatus[] | null, limit: number): Promise<LocationHistoryRow[]> {
    return this.db.query(FIND_RECENT, [statuses, limit]);
  }

  /** The newest row of each tracker, in no order; none for a tracker without history. */
  findLatest(trackerIds: readonly string[]): Promise<LocationHistoryRow[]> {
    return this.db.query(FIND_LATEST, [trackerIds]);
  }

  /** Rows by their ids, in no order; what there is no row of is left out. One statement. */
  findMany(ids: readonly LocationId[]): Promise<LocationHistoryRow[]> {
    return this.db.query(FIND_MANY, [
      ids.map(({ trackerId }) => trackerId),
      ids.map(({ bucketSize }) => bucketSize),
      ids.map(({ start }) => start.toISOString()),
    ]);
  }
}

/** @throws DomainError `BAD_USER_INPUT` where the database does not know the time zone: it has a list of its own. */
async function knowingZone<T>(timeZone: string | null, rows: Promise<T>): Promise<T> {
  try {
    return await rows;
  } catch (error) {
    if (timeZone === null || databaseErrorCode(error) !== SQLSTATE.invalidParameterValue) throw error;
    throw new DomainError(
      'BAD_USER_INPUT',
      `The database does not know the time zone ${JSON.stringify(timeZone)}`,
      {
        cause: error,
        details: { argument: 'timeZone' },
      },
    );
  }
}
