import { CronExpressionParser } from 'cron-parser';

/** State of a job's schedule in the database. */
export interface ScheduleState {
  /** The database's clock. */
  now: Date;
  /** Newest slot that was started, up to `now`; null: none. */
  slot: Date | null;
  outcome: 'running' | 'done' | 'failed' | null;
  retryAt: Date | null;
}

const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 30 * 60_000;

/** @throws Error for an invalid cron expression. */
export function checkCron(cron: string): void {
  CronExpressionParser.parse(cron, { tz: 'UTC' });
}

/** The newest slot that is not after `now`. */
export function latestSlot(cron: string, now: Date): Date {
  const after = new Date(now.getTime() + 1);
  return CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: after }).prev().toDate();
}

/** The first slot after a moment. */
export function nextSlot(cron: string, moment: Date): Date {
  return CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: moment }).next().toDate();
}

/**
 * The slot to run now: the newest one, if it has not been run. Older missed slots are not run. A slot that is running
 * is due too: its process may be dead, which only the lock shows.
 */
export function dueSlot(cron: string, state: ScheduleState): Date | null {
  const latest = latestSlot(cron, state.now);
  if (state.slot === null || state.slot < latest) return latest;
  if (state.slot > latest || state.outcome === 'done') return null; // later than the latest: the clock was set back
  const waits = state.outcome === 'failed' && state.retryAt !== null && state.retryAt > state.now;
  return waits ? null : latest;
}

/** The first slot that was missed before this one; null: none. */
export function missedFrom(cron: string, slot: Date, doneSlot: Date | null): Date | null {
  if (doneSlot === null) return null;
  const missed = nextSlot(cron, doneSlot);
  return missed < slot ? missed : null;
}

/** How long to wait before the next attempt, after this many failed ones. */
export function retryDelayMs(attempt: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS);
}
