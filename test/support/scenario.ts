import { expect } from '@jest/globals';
import {
  type DetailedRow,
  detailedHistory,
  normalize,
  READ_HISTORY,
  type TestReport,
  utcDay,
} from './history-oracle.js';
import type { TestDatabase } from './test-database.js';

export { copyReports, insertReports } from './write-reports.js';

/**
 * Midnight (UTC) of the day after the cut: today, but for a test that midnight overtakes. History from the day before
 * it on is shown as hours; raw reports begin two days before it.
 */
export function historyToday(db: TestDatabase): Promise<Date> {
  return db.value<Date>("SELECT cut + interval '24 hours' FROM history_state");
}

/** A moment of the day that lies so many days after `today` (UTC), e.g. `at(today, -2, '23:59:59.999')`. */
export function at(today: Date, days: number, time: string): Date {
  return new Date(`${utcDay(today, days).toISOString().slice(0, 10)}T${time}Z`);
}

/** What history shows: by the view, and, which must be the same, by the materialized view. */
export async function readHistory(db: TestDatabase): Promise<DetailedRow[]> {
  await db.settle();
  const view = normalize(await db.query(READ_HISTORY('location_history_view')));
  const materialized = normalize(await db.query(READ_HISTORY('location_history')));
  expect(materialized).toEqual(view);
  return view;
}

/** Checks that history is that of these reports, in the order in which they came in. */
export async function expectHistoryOf(db: TestDatabase, reports: readonly TestReport[]): Promise<void> {
  const cut = await db.value<Date>('SELECT cut FROM history_state');
  expect(await readHistory(db)).toEqual(detailedHistory(reports, cut));
}
