import { CronExpressionParser } from 'cron-parser';

/** Where the schedule of a job stands in the database. */
export interface ScheduleState {
  /** The database's clock. */
  now: Date;
  /** Newest slot that was begun, of those that have come by this clock; null: none. */
  slot: Date | null;
  outcome: 'running' | 'done' | 'failed' | null;
  retryAt: Date | null;
}

const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 30 * 60_000;

/** @throws Error when it is no cron expression. */
export function checkCron(cron: string): void {
  CronExpressionParser.parse(cron, { tz: 'UTC' });
}

/** The newest slot that is not after `now`. */
export function latestSlot(cron: string, now: Date): Date {
  const after = new Date(now.getTime() + 1);
  return CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: after }).prev().toDate();
}

/** The oldest slot after a moment. */
export function nextSlot(cron: string, moment: Date): Date {
  return CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: moment }).next().toDate();
}

/**
 * The slot that is to be run now: the newest one, once. What was missed before it is not run again. One that runs is
 * due as well: its process may be gone, which only the lock can tell.
 */
export function dueSlot(cron: string, state: ScheduleState): Date | null {
  const latest = latestSlot(cron, state.now);
  if (state.slot === null || state.slot < latest) return latest;
  if (state.slot > latest || state.outcome === 'done') return null; // the clock may have been set back
  const waits = state.outcome === 'failed' && state.retryAt !== null && state.retryAt > state.now;
  return waits ? null : latest;
}

/** The oldest slot that was missed before this one; null where none was. */
export function missedFrom(cron: string, slot: Date, doneSlot: Date | null): Date | null {
  if (doneSlot === null) return null;
  const missed = nextSlot(cron, doneSlot);
  return missed < slot ? missed : null;
}

/** How long to wait after so many failed attempts before the next one. */
export function retryDelayMs(attempt: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS);
}
