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
import { BriefTries, mayBeTriedAgain } from './brief-tries.js';

/** How long a refresh that was asked for waits for one that is running. */
const REFRESH_WAIT_MS = 10_000;
const REFRESH_POLL_MS = 50;
/** A refresh that takes longer than this is broken, and is stopped. */
const REFRESH_DEADLINE_MS = 20 * 60_000;
/** How long maintenance tries to come between those who use the tables. */
const MAINTENANCE_PATIENCE_MS = 60_000;
/** What an operator has been told of is said again after this time. */
const REMIND_MS = 3_600_000;

/** Whoever brings hours and days up to what changed. Short and frequent, so without Redis. */
const CHANGES_LOCK = 'change_refresh';
/** Whoever refreshes the materialized view. */
const VIEW_LOCK = 'view_refresh';
type RefreshLock = typeof CHANGES_LOCK | typeof VIEW_LOCK;

/** What came of a look at the waiting markers; `held`: another process is at it. */
export type ChangesOutcome = 'nothing' | 'done' | 'more' | 'held';

/** What a run of maintenance did. */
export interface MaintenanceReport {
  partitionsMade: number;
  /** Days whose raw reports are gone now, as YYYY-MM-DD. */
  daysClosed: string[];
  rowsRemoved: number;
}

/** Keeps what is derived from raw reports up to date, and ends what is kept no longer. */
@Injectable()
export class AggregatesService {
  private readonly logger = new Logger(AggregatesService.name);
  /** What was said last of reports that are shown nowhere. */
  private unregistered = { keys: 0, at: 0 };

  constructor(
    private readonly aggregates: AggregatesRepository,
    private readonly locks: LockService,
    private readonly clock: ClockService,
  ) {}

  /**
   * Brings hours and days up to what the waiting markers speak of.
   *
   * @returns whether there was anything, and whether more came in meanwhile.
   * @throws when it could not be done; the markers are still there then.
   */
  async aggregateChanges(): Promise<ChangesOutcome> {
    if (!(await this.aggregates.hasMarkers())) return 'nothing';
    const tried = await this.refreshUnder(CHANGES_LOCK, (session) => this.aggregateUnderLock(session));
    if (tried.outcome === 'unavailable') throw tried.error;
    return tried.outcome === 'held' ? 'held' : tried.result;
  }

  /** Notes that a notification was got, for the doctor. */
  noteNotification(): Promise<void> {
    return this.aggregates.noteNotification();
  }

  /** Refreshes `location_history` where it is behind. @returns whether it is still behind: another process is at it. */
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
   * Brings hours, days and the materialized view up to the raw reports of a range. Where raw reports are gone nothing
   * is touched: that history was complete when they went.
   *
   * @throws DomainError `BAD_USER_INPUT` (range), `CONFLICT` when another refresh runs for longer than one waits.
   */
  refresh(start: Date, end: Date): Promise<void> {
    return this.bringUpToRaw(timeRange(start, end), false);
  }

  /** As refresh(), also where no change is known: for aggregates that somebody changed past the product. */
  recompute(start: Date, end: Date): Promise<void> {
    return this.bringUpToRaw(timeRange(start, end), true);
  }

  private async bringUpToRaw(range: TimeRange, anew: boolean): Promise<void> {
    const days = await this.aggregates.daysAboveHorizon(range);
    const refreshWindows = (session: Session): Promise<void> =>
      this.aggregates.withTimeouts(session, async () => {
        for (const relation of ['location_history_hourly', 'location_history_daily'] as const) {
          const refresh = (): Promise<void> => this.aggregates.refreshWindow(relation, days, session, anew);
          await retryTransient(refresh, REFRESH_WAIT_MS);
        }
      });
    await this.afterOthers(CHANGES_LOCK, refreshWindows);
    await this.afterOthers(VIEW_LOCK, (session) => this.aggregates.refreshMaterializedView(session));
  }

  /**
   * Makes partitions, closes days, applies retention. Safe at any time; whoever calls it holds the lock `maintenance`,
   * on this session.
   *
   * @throws DomainError `CONFLICT` where the clocks are apart: then nothing is removed.
   */
  async maintain(session: Session): Promise<MaintenanceReport> {
    return this.aggregates.withTimeouts(session, () => this.maintainPatiently(session), 'maintenance');
  }

  private async maintainPatiently(session: Session): Promise<MaintenanceReport> {
    const partitionsMade = await this.tried(session, 'The making of partitions', (tries) =>
      this.aggregates.makePartitions(session, tries),
    );
    await this.clock.requireAgreement();
    const daysClosed: string[] = [];
    for (let day = await this.aggregates.dayToClose(); day; day = await this.aggregates.dayToClose()) {
      await this.closeDay(session, day);
      daysClosed.push(day.start.toISOString().slice(0, 10));
    }
    const rowsRemoved = await this.tried(session, 'The end of what is kept no longer', async (tries) => {
      await this.aggregates.completeDays(await this.aggregates.daysToCut(), session);
      return this.aggregates.applyRetention(session, tries);
    });
    this.logger.log(
      `maintenance: ${partitionsMade} partitions made, days closed: ${daysClosed.join(', ') || 'none'}, ${rowsRemoved} rows removed`,
    );
    return { partitionsMade, daysClosed, rowsRemoved };
  }

  /** Completes a day's history and drops its raw reports; a writer who comes between the two is met by another try. */
  private closeDay(session: Session, day: TimeRange): Promise<Date | null> {
    const name = day.start.toISOString().slice(0, 10);
    return this.tried(session, `The close of ${name}`, async (tries) => {
      await this.aggregates.completeDays(day, session);
      return this.aggregates.closeOldestDay(session, tries);
    });
  }

  /** Does a part of maintenance, again while others are in the way. @throws DomainError `CONFLICT` that names them. */
  private async tried<T>(
    session: Session,
    what: string,
    work: (tries: BriefTries) => Promise<T>,
  ): Promise<T> {
    const tries = new BriefTries(what);
    try {
      return await retryTransient(() => work(tries), MAINTENANCE_PATIENCE_MS, mayBeTriedAgain);
    } catch (error) {
      if (databaseErrorCode(error) !== SQLSTATE.lockNotAvailable) throw error;
      throw tries.failed(await this.aggregates.findDayLockHolders(session), error);
    }
  }

  /** Refreshes under a lock, and is stopped where that takes too long; by us: see withTimeouts(). */
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
    if (ids.length === 0) return 'nothing'; // another was faster
    if (changed) {
      await this.aggregates.withTimeouts(session, () => this.aggregates.bringUpToDate(changed, session));
    }
    await this.aggregates.completeMarkers(ids, session);
    this.logger.debug(`${ids.length} changes aggregated in ${Math.round(performance.now() - began)} ms`);
    if (changed) await this.reportUnregistered(changed, session);
    return (await this.aggregates.hasMarkers()) ? 'more' : 'done';
  }

  /** Waits for the run that is under way, which may have read before our change: the refresher is at it often. */
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

  /** Told when they get more, and every hour: the refresher looks each second. */
  private async reportUnregistered(changed: TimeRange, session: Session): Promise<void> {
    const { keys, reports } = await this.aggregates.countUnregistered(changed, session);
    const { unregistered: told } = this;
    if (keys > told.keys || (keys > 0 && performance.now() - told.at > REMIND_MS)) {
      this.unregistered = { keys, at: performance.now() };
      this.logger.warn(
        `${reports} reports of ${keys} unregistered keys are kept but shown nowhere; they appear when their trackers are registered`,
      );
    }
  }
}
