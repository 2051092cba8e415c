import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { queryVariant, sqlFile } from '../database/sql-files.js';
import type { TrackerFilter } from './dto/tracker-filter.input.js';
import { OrderDirection, TrackerOrderField } from './dto/tracker-order.input.js';
import type { TrackerEntity } from './tracker.entity.js';
import type { TrackerStatus } from './tracker-status.enum.js';

/** A tracker and the value that the page is sorted by. */
export interface SortedTracker extends TrackerEntity {
  sortKey: string;
}

export interface NearbyTracker extends TrackerEntity {
  distanceMeters: number;
}

/** How long trackers had a status; see sql/queries/trackers/find-duration-stats.sql. */
export interface DurationStatsRow {
  status: TrackerStatus;
  trackers: number;
  trackersNow: number;
  totalSeconds: number;
  averageSeconds: number;
  longestSeconds: number;
  totalTrackers: number;
}

export interface TrackerPageQuery {
  field: TrackerOrderField;
  direction: OrderDirection;
  /** Sort key and id of the last tracker of the previous page; null: the first page. */
  after: { sortKey: string; id: string } | null;
  limit: number;
}

const COLUMNS = `m.id, m.name, m.advertisement_key AS "advertisementKey", m.hashed_adv_key AS "hashedAdvKey",
  m.mac_address AS "macAddress", m.current_status AS "currentStatus", m.last_report_received AS "lastReportReceived",
  m.last_report_requested AS "lastReportRequested", m.created_at AS "createdAt", m.updated_at AS "updatedAt"`;

const MATCHING = sqlFile('queries/trackers/find-matching');
const NEAR = `SELECT ${COLUMNS}, m.distance_meters AS "distanceMeters" FROM (${sqlFile('queries/trackers/find-near')}) AS m`;
const COUNT = `SELECT count(*)::integer AS total FROM (${MATCHING}) AS m`;
const DURATION_STATS = queryVariant('queries/trackers/find-duration-stats', 'MATCHING');

/** Times are compared in milliseconds, as they are stored; a tracker without reports sorts as the oldest. */
const SORT_KEYS: Readonly<Record<TrackerOrderField, { expression: string; type: string }>> = {
  [TrackerOrderField.NAME]: { expression: 'm.name', type: 'text' },
  [TrackerOrderField.CREATED_AT]: {
    expression: '(extract(epoch FROM m.created_at) * 1000)::bigint',
    type: 'bigint',
  },
  [TrackerOrderField.LAST_SEEN]: {
    expression: `coalesce(extract(epoch FROM m.last_seen) * 1000, ${Number.MIN_SAFE_INTEGER})::bigint`,
    type: 'bigint',
  },
};

/** Finds trackers by their properties and their newest location. */
@Injectable()
export class TrackerSearchRepository {
  constructor(private readonly db: DataSource) {}

  /** The matching trackers after `page.after`, sorted. One statement. */
  findPage(filter: TrackerFilter, page: TrackerPageQuery): Promise<SortedTracker[]> {
    const { expression, type } = SORT_KEYS[page.field];
    const follows = page.direction === OrderDirection.ASC ? '>' : '<';
    return this.db.query(
      `SELECT ${COLUMNS}, ${expression} AS "sortKey" FROM (${MATCHING}) AS m
       WHERE $10::${type} IS NULL OR (${expression}, m.id) ${follows} ($10, $11::bigint)
       ORDER BY ${expression} ${page.direction}, m.id ${page.direction} LIMIT $12::integer`,
      [...parametersOf(filter), page.after?.sortKey, page.after?.id, page.limit],
    );
  }

  async count(filter: TrackerFilter): Promise<number> {
    const [{ total }] = await this.db.query<[{ total: number }]>(COUNT, parametersOf(filter));
    return total;
  }

  /** Trackers whose newest location is within the radius, nearest first. One statement. */
  findNear(
    point: { latitude: number; longitude: number; radiusMeters: number },
    limit: number,
  ): Promise<NearbyTracker[]> {
    return this.db.query(NEAR, [point.latitude, point.longitude, point.radiusMeters, limit]);
  }

  /** One row per status, in the order of a tracker's life cycle. */
  durationStats(filter: TrackerFilter): Promise<DurationStatsRow[]> {
    return this.db.query(DURATION_STATS, parametersOf(filter));
  }
}

/** Parameters $1 to $9 of find-matching.sql. */
function parametersOf(filter: TrackerFilter): unknown[] {
  const { name, currentStatuses, box, city, lastSeenAfter, lastSeenBefore } = filter;
  return [
    name,
    currentStatuses,
    box?.south,
    box?.west,
    box?.north,
    box?.east,
    city,
    lastSeenAfter?.toISOString(),
    lastSeenBefore?.toISOString(),
  ];
}
