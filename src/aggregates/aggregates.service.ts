import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { ClockService } from '../clock/clock.service.js';
import { DomainError } from '../common/errors/domain-error.js';
import { type TimeRange, timeRange } from '../common/time-range.js';
import { retryTransient } from '../database/retry.js';
import { databaseErrorCode, SQLSTATE } from '../common/errors/pg-errors.js';
import type { Session } from '../database/session.js';
import { type LockedWork, type LockOutcome, LockService } from '../locking/lock.service.js';
import { AggregatesRepository } from './aggregates.repository.js';
import { BriefTries, isRetryable } from './brief-tries.js';

/** How long a requested refresh waits for one that is running. */
const REFRESH_WAIT_MS = 10_000;
const REFRESH_POLL_MS = 50;
/** A refresh that takes longer is assumed stuck, and is stopped. */
const REFRESH_DEADLINE_MS = 20 * 60_000;
/** How long maintenance retries while others use the tables. */
const MAINTENANCE_PATIENCE_MS = 60_000;
/** A warning is repeated after this time. */
const REMIND_MS = 3_600_000;

/** Held while hours and days are updated. Short and frequent, so without Redis. */
const CHANGES_LOCK = 'change_refresh';
/** Held while the materialized view is refreshed. */
const VIEW_LOCK = 'view_refresh';
type RefreshLock = typeof CHANGES_LOCK | typeof VIEW_LOCK;

/**
 * Result of processing the pending markers; `held`: another process is doing it, `more`: new markers arrived meanwhile.
 */
export type ChangesOutcome = 'nothing' | 'done' | 'more' | 'held';

/** Result of a run of maintenance. */
export interface MaintenanceReport {
  partitionsMade: number;
  /** Days whose raw reports were removed, as YYYY-MM-DD. */
  daysClosed: string[];
  rowsRemoved: number;
}

/** Keeps aggregates and view up to date, and applies retention. */
@Injectable()
export class AggregatesService {
  private readonly logger = new Logger(AggregatesService.name);
  /** The last warning about reports of unregistered keys. */
  private unregistered = { keys: 0, at: 0 };

  constructor(
    private readonly aggregates: AggregatesRepository,
    private readonly locks: LockService,
    private readonly clock: ClockService,
  ) {}

  /**
   * Updates hours and days from the changes that the pending markers cover.
   *
   * @throws when that failed; the markers are then still pending.
   */
  async aggregateChanges(): Promise<ChangesOutcome> {
    if (!(await this.aggregates.hasMarkers())) return 'nothing';
    const tried = await this.refreshUnder(CHANGES_LOCK, (session) => this.aggregateUnderLock(session));
    if (tried.outcome === 'unavailable') throw tried.error;
    return tried.outcome === 'held' ? 'held' : tried.result;
  }

  /** Records that a notification arrived, for `tracker doctor`. */
  recordNotification(): Promise<void> {
    return this.aggregates.recordNotification();
  }

  /**
   * Refreshes `location_history` if it is stale. `moreToDo`: it is still stale, e.g. because another process refreshes
   * it.
   */
  async refreshView(signal?: AbortSignal): Promise<{ refreshed: boolean; moreToDo: boolean }> {
    if (!(await this.aggregates.viewIsStale())) return { refreshed: false, moreToDo: false };
    const tried = await this.refreshUnder(
      VIEW_LOCK,
      (session) => this.aggregates.refreshMaterializedView(session),
      signal,
    );
    if (tried.outcome === 'unavailable') throw tried.error;
    return { refreshed: tried.outcome === 'acquired', moreToDo: await this.aggregates.viewIsStale() };
  }

  /**
   * Refreshes hours, days and the materialized view from the raw reports of a range. Where raw reports were removed
   * nothing changes: that history was completed before.
   *
   * @throws DomainError `BAD_USER_INPUT` (range), `CONFLICT` when another refresh runs for longer than ten seconds.
   */
  refresh(start: Date, end: Date): Promise<void> {
    return this.refreshFromRaw(timeRange(start, end), false);
  }

  /** Like refresh(), but recomputes everything: for aggregates that something other than this product changed. */
  recompute(start: Date, end: Date): Promise<void> {
    return this.refreshFromRaw(timeRange(start, end), true);
  }

  private async refreshFromRaw(range: TimeRange, force: boolean): Promise<void> {
    const days = await this.aggregates.daysAboveHorizon(range);
    const refreshWindows = (session: Session): Promise<void> =>
      this.aggregates.withTimeouts(session, async () => {
        for (const relation of ['location_history_hourly', 'location_history_daily'] as const) {
          const refresh = (): Promise<void> => this.aggregates.refreshWindow(relation, days, session, force);
          await retryTransient(refresh, REFRESH_WAIT_MS);
        }
      });
    await this.afterOthers(CHANGES_LOCK, refreshWindows);
    await this.afterOthers(VIEW_LOCK, (session) => this.aggregates.refreshMaterializedView(session));
  }

  /**
   * Creates partitions, closes days and applies retention. Safe at any time; the caller holds the lock `maintenance` on
   * this session.
   *
   * @throws DomainError `CONFLICT` when the clocks disagree: then nothing is removed.
   */
  async maintain(session: Session): Promise<MaintenanceReport> {
    return this.aggregates.withTimeouts(session, () => this.runMaintenance(session), 'maintenance');
  }

  private async runMaintenance(session: Session): Promise<MaintenanceReport> {
    const partitionsMade = await this.withRetries(session, 'Creating partitions', (tries) =>
      this.aggregates.makePartitions(session, tries),
    );
    await this.clock.requireAgreement();
    const daysClosed: string[] = [];
    for (let day = await this.aggregates.dayToClose(); day; day = await this.aggregates.dayToClose()) {
      await this.closeDay(session, day);
      daysClosed.push(day.start.toISOString().slice(0, 10));
    }
    const rowsRemoved = await this.withRetries(session, 'Removing expired rows', async (tries) => {
      await this.aggregates.completeDays(await this.aggregates.daysToCut(), session);
      return this.aggregates.applyRetention(session, tries);
    });
    this.logger.log(
      `maintenance: ${partitionsMade} partitions made, days closed: ${daysClosed.join(', ') || 'none'}, ${rowsRemoved} rows removed`,
    );
    return { partitionsMade, daysClosed, rowsRemoved };
  }

  /** Completes a day's history and drops its raw reports; retried after a conflict with a writer. */
  private closeDay(session: Session, day: TimeRange): Promise<Date | null> {
    const name = day.start.toISOString().slice(0, 10);
    return this.withRetries(session, `Closing ${name}`, async (tries) => {
      await this.aggregates.completeDays(day, session);
      return this.aggregates.closeOldestDay(session, tries);
    });
  }

  /** Runs a part of maintenance, retrying while others block it. @throws DomainError `CONFLICT` that names them. */
  private async withRetries<T>(
    session: Session,
    what: string,
    work: (tries: BriefTries) => Promise<T>,
  ): Promise<T> {
    const tries = new BriefTries(what);
    try {
      return await retryTransient(() => work(tries), MAINTENANCE_PATIENCE_MS, isRetryable);
    } catch (error) {
      if (databaseErrorCode(error) !== SQLSTATE.lockNotAvailable) throw error;
      throw tries.failed(await this.aggregates.findDayLockHolders(session), error);
    }
  }

  /** Refreshes under a lock; aborts when that takes too long, since the server has no time-out: see withTimeouts(). */
  private async refreshUnder<T>(
    lock: RefreshLock,
    work: LockedWork<T>,
    signal?: AbortSignal,
  ): Promise<LockOutcome<T>> {
    const deadline = new AbortController();
    const late = new Error(`it took longer than ${REFRESH_DEADLINE_MS / 60_000} minutes`);
    const timer = setTimeout(() => deadline.abort(late), REFRESH_DEADLINE_MS);
    const stop = signal ? AbortSignal.any([deadline.signal, signal]) : deadline.signal;
    try {
      return await (lock === CHANGES_LOCK
        ? this.locks.withDatabaseLock(lock, work, stop)
        : this.locks.withLock(lock, work, stop));
    } finally {
      clearTimeout(timer);
    }
  }

  private async aggregateUnderLock(session: Session): Promise<ChangesOutcome> {
    const began = performance.now();
    const { ids, changed } = await this.aggregates.pendingMarkers(session);
    if (ids.length === 0) return 'nothing'; // another process was faster
    if (changed) {
      await this.aggregates.withTimeouts(session, () => this.aggregates.bringUpToDate(changed, session));
    }
    await this.aggregates.completeMarkers(ids, session);
    this.logger.debug(`${ids.length} changes aggregated in ${Math.round(performance.now() - began)} ms`);
    if (changed) await this.reportUnregistered(changed, session);
    return (await this.aggregates.hasMarkers()) ? 'more' : 'done';
  }

  /** Waits for a run in progress, which may have read before the change, and then runs the work itself. */
  private async afterOthers(lock: RefreshLock, work: LockedWork<void>): Promise<void> {
    const end = performance.now() + REFRESH_WAIT_MS;
    for (;;) {
      const tried = await this.refreshUnder(lock, work);
      if (tried.outcome === 'acquired') return;
      if (tried.outcome === 'unavailable') throw tried.error;
      if (performance.now() > end) {
        throw new DomainError('CONFLICT', 'Another refresh is running; try again in a moment');
      }
      await sleep(REFRESH_POLL_MS);
    }
  }

  /** Warns when the number of keys grows, otherwise once an hour: the refresher checks each second. */
  private async reportUnregistered(changed: TimeRange, session: Session): Promise<void> {
    const { keys, reports } = await this.aggregates.countUnregistered(changed, session);
    const { unregistered: lastWarning } = this;
    if (keys > lastWarning.keys || (keys > 0 && performance.now() - lastWarning.at > REMIND_MS)) {
      this.unregistered = { keys, at: performance.now() };
      this.logger.warn(
        `${reports} reports of ${keys} unregistered keys are kept but shown nowhere; they appear when their trackers are registered`,
      );
    }
  }
}
