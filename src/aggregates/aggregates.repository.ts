import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { TimeRange } from '../common/time-range.js';
import type { HistoryEngine } from '../config/env.schema.js';
import type { SqlRunner } from '../database/server-capabilities.js';
import { ensureChangesLogged } from '../database/changes-log.js';
import { refreshAggregate } from '../database/refresh-aggregate.js';
import { LockWatch } from '../database/lock-watch.js';
import { findDayLockHolders, type OtherTransaction } from '../database/other-transactions.js';
import { databaseErrorCode, SQLSTATE } from '../common/errors/pg-errors.js';
import { queryWithTimeout, type Session } from '../database/session.js';
import { inTransaction } from '../database/transactions.js';
import type { BriefTries } from './brief-tries.js';

/** The aggregates that can be refreshed. */
export type AggregateRelation = 'location_history_hourly' | 'location_history_daily';

/** How long a refresh waits for a lock before it gives up and is retried. */
const LOCK_TIMEOUT = '2s';
/** How often to check which transactions block a refresh; shorter than the lock time-out. */
const CHECK_EVERY_MS = 1_000;
/**
 * No statement time-out, not even one of the role: after the server's clock jumped ahead, a session with a long
 * time-out pending believes that shorter ones are set, and its locks never time out (PostgreSQL 15, schedule_alarm()).
 * Work that takes too long is stopped by the holder of the lock: see LockService.withLock().
 */
const TIMEOUTS = `SELECT set_config('lock_timeout', '${LOCK_TIMEOUT}', $1), set_config('statement_timeout', '0', $1),
  pg_backend_pid() AS pid`;

/** Reports of keys without a tracker, in the hours that just changed. */
export interface Unregistered {
  keys: number;
  reports: number;
}

@Injectable()
export class AggregatesRepository {
  constructor(private readonly db: DataSource) {}

  /** Ids of the pending refresh markers, and the time range of the reports they cover (null: only trackers changed). */
  async pendingMarkers(on: SqlRunner): Promise<{ ids: string[]; changed: TimeRange | null }> {
    const [{ ids, start, end }] = (await on.query(
      'SELECT array_agg(id) AS ids, min(from_time) AS start, max(to_time) AS "end" FROM refresh_markers',
    )) as [{ ids: string[] | null; start: Date | null; end: Date | null }];
    return { ids: ids ?? [], changed: start && end && { start, end } };
  }

  /** Whether any change is pending. */
  async hasMarkers(): Promise<boolean> {
    const [{ pending }] = await queryWithTimeout<[{ pending: boolean }]>(
      this.db,
      // Uses the index, as writers do: see mark_history_changed().
      'SELECT (SELECT id FROM refresh_markers ORDER BY id DESC LIMIT 1) IS NOT NULL AS pending',
    );
    return pending;
  }

  /** Deletes these markers and marks the view stale; markers appended since stay pending. */
  async completeMarkers(ids: readonly string[], on: SqlRunner): Promise<void> {
    await on.query(
      `WITH done AS (DELETE FROM refresh_markers WHERE id = ANY ($1::bigint[]))
       UPDATE refresh_state SET changes = changes + 1, aggregated_at = now(),
         behind_since = coalesce(behind_since, now())`,
      [ids],
    );
  }

  /** Whether the aggregates changed since the view was last refreshed. */
  async viewIsStale(): Promise<boolean> {
    const [{ stale }] = await queryWithTimeout<[{ stale: boolean }]>(
      this.db,
      'SELECT changes > refreshed AS stale FROM refresh_state',
    );
    return stale;
  }

  /** Refreshes location_history without blocking its readers. */
  async refreshMaterializedView(session: Session): Promise<void> {
    // Read before the refresh and written after it: a change in between leaves the view stale.
    const state = (await session.query('SELECT changes FROM refresh_state')) as { changes: string }[];
    await inTransaction(session, async () => {
      const [{ pid }] = (await session.query(TIMEOUTS, [true])) as [{ pid: number }];
      await this.watched('the refresh of location_history', pid, () =>
        session.query('REFRESH MATERIALIZED VIEW CONCURRENTLY location_history'),
      );
      // now() is when this refresh began: any change it may have missed is newer.
      await session.query(
        `UPDATE refresh_state SET refreshed = greatest(refreshed, $1), view_refreshed_at = now(),
           behind_since = CASE WHEN changes > $1 THEN now() END`,
        [state[0]?.changes],
      );
      await this.recordRefresh(
        session,
        'location_history',
        'extract(epoch FROM clock_timestamp() - now()) * 1000',
      );
    });
  }

  /**
   * Updates hours and days from changed raw reports. The postgresql engine has done so at commit. On timescaledb this
   * refreshes the hours that are shown, and the days before today; days from the cut on are merged from hours when
   * read.
   *
   * @throws 55P03 when another refresh runs on the same window: it may have read before the change was committed.
   */
  async bringUpToDate({ start, end }: TimeRange, session: Session): Promise<void> {
    if ((await this.engine(session)) === 'postgresql') return;
    const [w] = (await session.query(
      `SELECT greatest(date_trunc('hour', $1::timestamptz, 'UTC'), cut) AS "hourStart",
         date_trunc('hour', $2::timestamptz, 'UTC') + interval '1 hour' AS "hourEnd",
         greatest(date_trunc('day', $1::timestamptz, 'UTC'), closed_before) AS "dayStart",
         least(date_trunc('day', $2::timestamptz, 'UTC') + interval '24 hours', midnight_before(0)) AS "dayEnd"
       FROM history_state`,
      [start.toISOString(), end.toISOString()],
    )) as [Record<'hourStart' | 'hourEnd' | 'dayStart' | 'dayEnd', Date>];
    await this.refreshWindow('location_history_hourly', { start: w.hourStart, end: w.hourEnd }, session);
    await this.refreshWindow('location_history_daily', { start: w.dayStart, end: w.dayEnd }, session);
  }

  /** Completes the daily history of whole days before their raw reports or hours are removed. */
  async completeDays(days: TimeRange, on: SqlRunner = this.db): Promise<void> {
    if ((await this.engine(on)) === 'timescaledb')
      await this.refreshWindow('location_history_daily', days, on);
  }

  /**
   * Refreshes an aggregate from its raw reports in a window; does nothing where it is up to date or the window is
   * empty.
   *
   * @param force recomputes the whole window, also where no change is known.
   */
  async refreshWindow(
    relation: AggregateRelation,
    { start, end }: TimeRange,
    on: SqlRunner = this.db,
    force = false,
  ): Promise<void> {
    if (start >= end) return;
    await ensureChangesLogged(this.db);
    const began = performance.now();
    await refreshAggregate(
      on,
      relation,
      ['$1::timestamptz', '$2::timestamptz'],
      [start.toISOString(), end.toISOString()],
      force,
    );
    await this.recordRefresh(on, relation, String(Math.round(performance.now() - began)));
  }

  /** Runs `work` with a lock time-out and without a statement time-out; logs the transactions that block it. */
  async withTimeouts<T>(
    session: Session,
    work: () => Promise<T>,
    what = 'a refresh of the aggregates',
  ): Promise<T> {
    const [{ pid }] = (await session.query(TIMEOUTS, [false])) as [{ pid: number }];
    try {
      return await this.watched(what, pid, work);
    } finally {
      // Fails when the session is broken or was told to stop; then it is not reused.
      await session.query('RESET lock_timeout; RESET statement_timeout').catch(() => undefined);
    }
  }

  /** The whole days of a range whose raw reports are still kept; empty when there are none. */
  async daysAboveHorizon({ start, end }: TimeRange): Promise<TimeRange> {
    const [days] = await this.db.query<[TimeRange]>(
      `SELECT greatest(date_trunc('day', $1::timestamptz, 'UTC'), closed_before) AS start,
         date_trunc('day', least($2::timestamptz, now()), 'UTC') + interval '24 hours' AS "end" FROM history_state`,
      [start.toISOString(), end.toISOString()],
    );
    return days;
  }

  /** Counts reports of keys without a tracker, in the hours of a range. */
  async countUnregistered({ start, end }: TimeRange, on: SqlRunner): Promise<Unregistered> {
    const [row] = (await on.query(
      `SELECT count(DISTINCT h.hashed_adv_key)::int AS keys, coalesce(sum(h.report_count), 0)::int AS reports
       FROM location_history_hourly AS h
       WHERE h.bucket BETWEEN date_trunc('hour', $1::timestamptz, 'UTC') AND $2::timestamptz
         AND NOT EXISTS (SELECT FROM trackers AS t WHERE t.hashed_adv_key = h.hashed_adv_key)`,
      [start.toISOString(), end.toISOString()],
    )) as [Unregistered];
    return row;
  }

  /** Creates partitions for the coming days; returns how many. */
  makePartitions(session: Session, tries: BriefTries): Promise<number> {
    return this.briefly(session, 'SELECT make_report_partitions() AS value', tries);
  }

  /** The oldest day that has passed the retention of raw reports; null when there is none. */
  async dayToClose(): Promise<TimeRange | null> {
    const [day] = await this.db.query<TimeRange[]>(
      `SELECT closed_before AS start, closed_before + interval '24 hours' AS "end" FROM history_state
       WHERE closed_before < midnight_before(raw_retention_hours)`,
    );
    return day ?? null;
  }

  /** The days still shown as hours whose hours are due to be removed; empty when there are none. */
  async daysToCut(): Promise<TimeRange> {
    const [days] = await this.db.query<[TimeRange]>(
      'SELECT cut AS start, midnight_before(hourly_retention_hours) AS "end" FROM history_state',
    );
    return days;
  }

  /**
   * Closes the oldest day that is due.
   *
   * @throws 55000 while its daily history is not complete.
   * @throws InTheWayError while a transaction that has been open for some seconds blocks it; no writer was made to
   * wait.
   */
  async closeOldestDay(session: Session, tries: BriefTries): Promise<Date | null> {
    tries.require(await findDayLockHolders(session));
    return this.briefly(session, 'SELECT close_oldest_day() AS value', tries);
  }

  /** Removes hours and days past their retention; returns the number of rows removed. */
  applyRetention(session: Session, tries: BriefTries): Promise<number> {
    return this.briefly(
      session,
      'SELECT sum(rows_removed)::int AS value FROM apply_aggregate_retention()',
      tries,
    );
  }

  /** Transactions that use the tables which closing a day, or making partitions, has to lock. */
  findDayLockHolders(session: Session): Promise<OtherTransaction[]> {
    return findDayLockHolders(session);
  }

  /** Records that a listener got a notification, at most once a second. */
  async recordNotification(): Promise<void> {
    await queryWithTimeout(
      this.db,
      `UPDATE refresh_state SET notified_at = now() WHERE notified_at > now() - interval '1 second' IS NOT TRUE`,
    );
  }

  private async recordRefresh(on: SqlRunner, relation: string, ms: string): Promise<void> {
    await on.query(
      `INSERT INTO layer_refreshes (relation, refreshed_at, ms) VALUES ($1, now(), ${ms})
       ON CONFLICT (relation) DO UPDATE SET refreshed_at = excluded.refreshed_at, ms = excluded.ms`,
      [relation],
    );
  }

  /** Not cached: move-engine may have changed it. */
  private async engine(on: SqlRunner): Promise<HistoryEngine> {
    const [{ engine }] = (await on.query('SELECT engine FROM history_state')) as [{ engine: HistoryEngine }];
    return engine;
  }

  private watched<T>(what: string, pid: number, work: () => Promise<T>): Promise<T> {
    return new LockWatch(this.db, what, CHECK_EVERY_MS).during(pid, work);
  }

  /** Runs a statement that returns one value, with a short lock time-out so that writers do not queue behind it. */
  private async briefly<T>(session: Session, sql: string, tries: BriefTries): Promise<T> {
    try {
      return await inTransaction(session, async () => {
        await session.query(
          `SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
           SET LOCAL lock_timeout = '${tries.nextWaitMs()}ms'; SET LOCAL statement_timeout = 0`,
        );
        const [row] = (await session.query(sql)) as [{ value: T }];
        return row.value;
      });
    } catch (error) {
      if (databaseErrorCode(error) === SQLSTATE.lockNotAvailable)
        tries.warn(await findDayLockHolders(session));
      throw error;
    }
  }
}
