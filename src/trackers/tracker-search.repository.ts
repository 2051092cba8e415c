import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { queryVariant, sqlFile } from '../database/sql-files.js';
import type { TrackerFilter } from './dto/tracker-filter.input.js';
import { OrderDirection, TrackerOrderField } from './dto/tracker-order.input.js';
import type { TrackerEntity } from './tracker.entity.js';
import type { TrackerStatus } from './tracker-status.enum.js';

/** A tracker and its place in the order that it was asked for in. */
export interface PlacedTracker extends TrackerEntity {
  place: string;
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

export interface PageOfTrackers {
  field: TrackerOrderField;
  direction: OrderDirection;
  /** Place and id of the tracker before the page. */
  after: { place: string; id: string } | null;
  limit: number;
}

const COLUMNS = `m.id, m.name, m.advertisement_key AS "advertisementKey", m.hashed_adv_key AS "hashedAdvKey",
  m.mac_address AS "macAddress", m.current_status AS "currentStatus", m.last_report_received AS "lastReportReceived",
  m.last_report_requested AS "lastReportRequested", m.created_at AS "createdAt", m.updated_at AS "updatedAt"`;

const MATCHING = sqlFile('queries/trackers/find-matching');
const NEAR = `SELECT ${COLUMNS}, m.distance_meters AS "distanceMeters" FROM (${sqlFile('queries/trackers/find-near')}) AS m`;
const COUNT = `SELECT count(*)::integer AS total FROM (${MATCHING}) AS m`;
const DURATION_STATS = queryVariant('queries/trackers/find-duration-stats', 'MATCHING');

/** Times go by the millisecond, which is what they are kept to; who was never seen is older than all. */
const PLACES: Readonly<Record<TrackerOrderField, { key: string; type: string }>> = {
  [TrackerOrderField.NAME]: { key: 'm.name', type: 'text' },
  [TrackerOrderField.CREATED_AT]: {
    key: '(extract(epoch FROM m.created_at) * 1000)::bigint',
    type: 'bigint',
  },
  [TrackerOrderField.LAST_SEEN]: {
    key: `coalesce(extract(epoch FROM m.last_seen) * 1000, ${Number.MIN_SAFE_INTEGER})::bigint`,
    type: 'bigint',
  },
};

/** Finds trackers by what they are and where they were last. */
@Injectable()
export class TrackerSearchRepository {
  constructor(private readonly db: DataSource) {}

  /** Trackers that match, in this order, behind one of them. One statement. */
  findPage(filter: TrackerFilter, page: PageOfTrackers): Promise<PlacedTracker[]> {
    const { key, type } = PLACES[page.field];
    const behind = page.direction === OrderDirection.ASC ? '>' : '<';
    return this.db.query(
      `SELECT ${COLUMNS}, ${key} AS place FROM (${MATCHING}) AS m
       WHERE $10::${type} IS NULL OR (${key}, m.id) ${behind} ($10, $11::bigint)
       ORDER BY ${key} ${page.direction}, m.id ${page.direction} LIMIT $12::integer`,
      [...parametersOf(filter), page.after?.place, page.after?.id, page.limit],
    );
  }

  async count(filter: TrackerFilter): Promise<number> {
    const [{ total }] = await this.db.query<[{ total: number }]>(COUNT, parametersOf(filter));
    return total;
  }

  /** Trackers whose newest place is no farther away, nearest first. One statement. */
  findNear(
    place: { latitude: number; longitude: number; radiusMeters: number },
    limit: number,
  ): Promise<NearbyTracker[]> {
    return this.db.query(NEAR, [place.latitude, place.longitude, place.radiusMeters, limit]);
  }

  /** One row a status, in the order of a tracker's life. */
  durationStats(filter: TrackerFilter): Promise<DurationStatsRow[]> {
    return this.db.query(DURATION_STATS, parametersOf(filter));
  }
}

/** $1 to $9 of find-matching.sql. */
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
