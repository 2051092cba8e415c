import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { HistoryEngine, SpatialLayer } from '../config/env.schema.js';
import { CommittedTransactions } from '../database/transactions.js';

/** A layer of history: its content, and what retention removes next. */
export interface LayerHealth {
  relation: string;
  oldest: Date | null;
  newest: Date | null;
  rows: number;
  watermark: Date | null;
  lastRefresh: Date | null;
  /** Duration of this product's last refresh. */
  lastRefreshMs: number | null;
  removesBefore: Date | null;
  rowsToRemove: number;
}

/** A policy of TimescaleDB whose runs fail. */
export interface FailingPolicy {
  /** Name of the policy, with its relation. */
  policy: string;
  failures: number;
  lastSuccess: Date | null;
  /** Its last error; null if it is no longer recorded. */
  error: string | null;
}

/** The state of history as the database reports it. */
export interface HistoryFacts {
  engine: HistoryEngine;
  spatialLayer: SpatialLayer;
  serverTime: Date;
  horizon: Date;
  cut: Date;
  rawRetentionHours: number;
  hourlyRetentionHours: number;
  dailyRetentionHours: number;
  /** Days past the retention of raw reports that are not closed yet; 0 or 1 is normal. */
  daysOverdue: number;
  /** Number of days that the horizon is ahead of the agreed day; 0 is normal. */
  horizonDaysAhead: number;
  /** Whether the horizon can be moved back without changing history. */
  horizonCanMoveBack: boolean;
  pendingChanges: number;
  pendingFrom: Date | null;
  pendingTo: Date | null;
  /** Age of the oldest pending change, in seconds. */
  pendingSeconds: number | null;
  viewIsStale: boolean;
  /** Seconds since the view became stale; null when it is not. */
  viewBehindSeconds: number | null;
  /** Whether the materialized view has no rows although the plain view has some. */
  viewIsEmpty: boolean;
  unregisteredKeys: number;
  unregisteredReports: number;
}

@Injectable()
export class HistoryHealthRepository {
  /** Limits how long a health check waits for locks. */
  private readonly transactions: CommittedTransactions;

  constructor(db: DataSource) {
    this.transactions = new CommittedTransactions(db, 'a health check of the history');
  }

  async facts(): Promise<HistoryFacts> {
    const [facts] = await this.query<[HistoryFacts]>(
      `SELECT s.engine, s.spatial_layer AS "spatialLayer", now() AS "serverTime", s.closed_before AS horizon, s.cut,
         s.raw_retention_hours AS "rawRetentionHours", s.hourly_retention_hours AS "hourlyRetentionHours",
         s.daily_retention_hours AS "dailyRetentionHours",
         greatest(0, extract(epoch FROM midnight_before(s.raw_retention_hours) - s.closed_before) / 86400)::int
           AS "daysOverdue",
         greatest(0, extract(epoch FROM s.closed_before - date_trunc('day', agreed_now(), 'UTC')) / 86400)::int
           AS "horizonDaysAhead", mended_horizon() < s.closed_before AS "horizonCanMoveBack",
         m.count AS "pendingChanges", m.from AS "pendingFrom", m.to AS "pendingTo",
         extract(epoch FROM now() - m.since)::int AS "pendingSeconds",
         r.changes > r.refreshed OR m.count > 0 AS "viewIsStale",
         CASE WHEN r.changes > r.refreshed THEN extract(epoch FROM now() - r.behind_since)::int END
           AS "viewBehindSeconds",
         -- CASE: reads the plain view only if the materialized one is empty, because it may have to merge all days.
         CASE WHEN EXISTS (SELECT FROM location_history) THEN false
           ELSE EXISTS (SELECT FROM location_history_view) END AS "viewIsEmpty",
         u.keys AS "unregisteredKeys", u.reports AS "unregisteredReports"
       FROM history_state AS s CROSS JOIN refresh_state AS r
       CROSS JOIN (SELECT count(*)::int AS count, min(from_time) AS "from", max(to_time) AS "to",
         min(created_at) AS since FROM refresh_markers) AS m
       CROSS JOIN (SELECT count(DISTINCT h.hashed_adv_key)::int AS keys, coalesce(sum(h.report_count), 0)::int AS reports
         FROM location_history_hourly AS h
         WHERE NOT EXISTS (SELECT FROM trackers AS t WHERE t.hashed_adv_key = h.hashed_adv_key)) AS u`,
    );
    return facts;
  }

  layers(): Promise<LayerHealth[]> {
    return this.query(
      `SELECT l.relation, l.oldest, l.newest, l.row_count::int AS rows, l.watermark,
         greatest(l.last_refresh, r.refreshed_at) AS "lastRefresh", r.ms AS "lastRefreshMs",
         l.removes_before AS "removesBefore", l.rows_to_remove::int AS "rowsToRemove"
       FROM history_layers AS l LEFT JOIN layer_refreshes AS r USING (relation) ORDER BY l.position`,
    );
  }

  failingPolicies(): Promise<FailingPolicy[]> {
    return this.query(
      `SELECT policy, failures::int AS failures, last_success AS "lastSuccess", error FROM failing_policies() ORDER BY policy`,
    );
  }

  private query<T>(sql: string): Promise<T> {
    return this.transactions.run((session) => session.query(sql) as Promise<T>);
  }
}
