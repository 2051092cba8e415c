import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/errors/domain-error.js';
import type { TimeRange } from '../common/time-range.js';
import { databaseErrorCode, SQLSTATE } from '../common/errors/pg-errors.js';
import { queryVariant, sqlFile } from '../database/sql-files.js';
import type { TrackerStatus } from '../trackers/tracker-status.enum.js';
import { BUCKET_SIZES } from './bucket-size.js';
import { HistoryResolution, type RowResolution } from './history-resolution.js';
import type { HistoryRangeRow, LocationHistoryRow } from './location-history.row.js';
import type { LocationId } from './location-id.js';

/** Maps the columns of latest_locations, which every query file returns, to the fields of LocationHistoryRow. */
const selectHistory = (query: string, moreColumns = ''): string => `
  SELECT v.id, v.tracker_id AS "trackerId", v.timestamp, v.bucket_size AS "bucketSize",
    ST_Y(v.location) AS latitude, ST_X(v.location) AS longitude, v.nearest_city AS "nearestCity",
    v.last_report_at AS "lastReportAt", v.first_report_at AS "firstReportAt",
    v.report_count::integer AS "reportCount", v.confidence, v.max_confidence AS "maxConfidence",
    v.horizontal_accuracy AS "horizontalAccuracy", v.status, v.source, v.altitude, v.speed, v.course, v.battery, v.motion,
    v.imprecise, v.located_at AS "locatedAt" ${moreColumns}
  FROM (${query}) AS v`;

/** Builds the variant of a query for each resolution. */
function forEachResolution(name: string, moreColumns?: string): Readonly<Record<RowResolution, string>> {
  const variant = (resolution: RowResolution): string =>
    selectHistory(queryVariant(name, resolution), moreColumns);
  return {
    [HistoryResolution.RAW]: variant(HistoryResolution.RAW),
    [HistoryResolution.HOURLY]: variant(HistoryResolution.HOURLY),
    [HistoryResolution.DAILY]: variant(HistoryResolution.DAILY),
  };
}

const FIND_RANGE = forEachResolution('queries/location-history/find-range', ', v.is_exact AS "exact"');
const FIND_POINTS = forEachResolution(
  'queries/location-history/find-points',
  `, v.is_exact AS "exact", v.ends_at AS "endsAt", v.is_point AS "isPoint", v.row_count_in_range::integer AS "rowsInRange",
   v.gap_start AS "gapStart", v.kept_from AS "keptFrom", v.asked_at AS "queriedAt"`,
);
const FIND_PAGE: Readonly<Record<RowResolution, string>> = {
  [HistoryResolution.RAW]: selectHistory(sqlFile('queries/location-history/find-page-of-reports')),
  [HistoryResolution.HOURLY]: selectHistory(queryVariant('queries/location-history/find-page', 'HOURLY')),
  [HistoryResolution.DAILY]: selectHistory(queryVariant('queries/location-history/find-page', 'DAILY')),
};
const FIND_NEWEST = selectHistory(sqlFile('queries/location-history/find-newest'));
const FIND_RECENT = selectHistory(sqlFile('queries/location-history/find-recent'));
const FIND_MANY = selectHistory(sqlFile('queries/location-history/find-many'));
const FIND_LATEST = selectHistory(sqlFile('queries/location-history/find-latest'));

/** Selects rows of one tracker. */
export interface HistoryRangeQuery extends TimeRange {
  trackerId: string;
  resolution: RowResolution;
  /** Time zone of the days; null: UTC. */
  timeZone: string | null;
}

/** Selects a page of the history of several trackers. */
export interface HistoryPageQuery {
  /** Null: all trackers. */
  trackerIds: readonly string[] | null;
  start: Date | null;
  end: Date | null;
  resolution: RowResolution;
  newestFirst: boolean;
  /** The last row of the previous page; null: the first page. */
  after: { trackerId: string; timestamp: Date; bucketSize: string } | null;
  limit: number;
}

/** Reads history from the aggregates, which are newer than the materialized view. Each method runs one statement. */
@Injectable()
export class LocationHistoryRepository {
  constructor(private readonly db: DataSource) {}

  /**
   * Rows that overlap the range, oldest first.
   *
   * @param fallbackRows daily rows, for times whose rows of the resolution are no longer kept.
   */
  findRange(
    range: HistoryRangeQuery,
    limit: number,
    fallbackRows: 'included' | 'excluded',
  ): Promise<LocationHistoryRow[]> {
    const { trackerId, start, end, resolution, timeZone } = range;
    const size = fallbackRows === 'included' ? null : BUCKET_SIZES[resolution];
    return rejectUnknownTimeZone(
      timeZone,
      this.db.query(FIND_RANGE[resolution], [
        trackerId, start.toISOString(), end.toISOString(), timeZone, size, limit,
      ]), // prettier-ignore
    );
  }

  /** Rows that overlap the range, oldest first and thinned, with their gaps; at least one row, see the query. */
  findPoints(range: HistoryRangeQuery, maxPoints: number, gapSeconds: number): Promise<HistoryRangeRow[]> {
    const { trackerId, start, end, resolution, timeZone } = range;
    return rejectUnknownTimeZone(
      timeZone,
      this.db.query(FIND_POINTS[resolution], [
        trackerId, start.toISOString(), end.toISOString(), timeZone, maxPoints, gapSeconds,
      ]), // prettier-ignore
    );
  }

  /**
   * Rows of several trackers, sorted by tracker and then by time.
   *
   * @throws DomainError `CONFLICT` when the rows that must follow the cursor are no longer kept in its resolution.
   */
  async findPage(page: HistoryPageQuery): Promise<LocationHistoryRow[]> {
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
        'The cursor in after has expired: the hours that follow it are no longer kept, only their day; start again at that day',
        { cause: error, details: { argument: 'after' } },
      );
    }
  }

  /** The newest rows of each tracker that overlap the range, newest first: days before the cut, hours after it. */
  findNewest(
    trackerIds: readonly string[],
    { start, end }: { start: Date | null; end: Date | null },
    limit: number,
  ): Promise<LocationHistoryRow[]> {
    return this.db.query(FIND_NEWEST, [trackerIds, start?.toISOString(), end?.toISOString(), limit]);
  }

  /** The newest rows of all trackers with one of these current statuses (null: any), newest report first. */
  findRecent(statuses: readonly TrackerStatus[] | null, limit: number): Promise<LocationHistoryRow[]> {
    return this.db.query(FIND_RECENT, [statuses, limit]);
  }

  /** The newest row of each tracker, unordered; a tracker without history has none. */
  findLatest(trackerIds: readonly string[]): Promise<LocationHistoryRow[]> {
    return this.db.query(FIND_LATEST, [trackerIds]);
  }

  /** Rows by their ids, unordered; ids without a row are left out. */
  findByIds(ids: readonly LocationId[]): Promise<LocationHistoryRow[]> {
    return this.db.query(FIND_MANY, [
      ids.map(({ trackerId }) => trackerId),
      ids.map(({ resolution }) => BUCKET_SIZES[resolution]),
      ids.map(({ start }) => start.toISOString()),
    ]);
  }
}

/** @throws DomainError `BAD_USER_INPUT` when the time zone is not in the list of the database. */
async function rejectUnknownTimeZone<T>(timeZone: string | null, rows: Promise<T>): Promise<T> {
  try {
    return await rows;
  } catch (error) {
    if (timeZone === null || databaseErrorCode(error) !== SQLSTATE.invalidParameterValue) throw error;
    throw new DomainError(
      'BAD_USER_INPUT',
      `timeZone is unknown to the database (got ${JSON.stringify(timeZone)}); give an IANA name such as "Europe/Berlin"`,
      {
        cause: error,
        details: { argument: 'timeZone' },
      },
    );
  }
}
