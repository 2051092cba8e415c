import { expect } from '@jest/globals';
import {
  at,
  detailedHistory,
  type DetailedRow,
  normalize,
  READ_HISTORY,
  type TestReport,
} from './history-oracle.js';
import { dailyReports, insertReports } from './reports.js';
import { Random } from './random.js';
import { TestDatabase } from './test-database.js';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import type { MaintenanceReport } from '../../src/aggregates/aggregates.service.js';

/**
 * Midnight (UTC) of the day after the cut: today, unless midnight passes during the test. History is shown in hours
 * from the day before it; raw reports begin two days before it.
 */
export function historyToday(db: TestDatabase): Promise<Date> {
  return db.value<Date>("SELECT cut + interval '24 hours' FROM history_state");
}

/** Returns the history of the view; checks that the materialized view has the same rows. */
export async function readHistory(db: TestDatabase): Promise<DetailedRow[]> {
  await db.settle();
  const view = normalize(await db.query(READ_HISTORY('location_history_view')));
  const materialized = normalize(await db.query(READ_HISTORY('location_history')));
  expect(materialized).toEqual(view);
  return view;
}

/** Checks that history matches these reports. @param reports in the order of their ingest. */
export async function expectHistoryOf(db: TestDatabase, reports: readonly TestReport[]): Promise<void> {
  const cut = await db.value<Date>('SELECT cut FROM history_state');
  expect(await readHistory(db)).toEqual(detailedHistory(reports, cut));
}

/** Settings that keep raw reports for nine days; keepRaw(db, 2) then makes seven days due to be closed. */
export const LONG_RAW_RETENTION = { RAW_RETENTION_DAYS: '9' };

/** Shortens the retention of raw reports, so that older days are due to be closed now. */
export async function keepRaw(db: TestDatabase, days: number): Promise<void> {
  await db.query('UPDATE history_state SET raw_retention_hours = $1, hourly_retention_hours = 24', [
    days * 24,
  ]);
}

/** Runs maintenance as the job does; waits while another process is running it. */
export async function maintain(db: TestDatabase): Promise<MaintenanceReport> {
  for (let tries = 0; tries < 100; tries++) {
    const report = await db.maintain();
    if (report) return report;
    await sleep(100);
  }
  throw new Error('another process kept the maintenance lock');
}

/** Dates from `first` to `last` days before `today`, oldest first, as maintenance reports them: YYYY-MM-DD. */
export function dayNames(today: Date, first: number, last: number): string[] {
  const names: string[] = [];
  for (let day = first; day >= last; day--)
    names.push(at(today, -day, '00:00:00').toISOString().slice(0, 10));
  return names;
}

/** The horizon, where raw reports begin, and the cut, where hours begin. */
export async function boundaries(db: TestDatabase): Promise<{ horizon: Date; cut: Date }> {
  const [row] = await db.query<{ horizon: Date; cut: Date }>(
    'SELECT closed_before AS horizon, cut FROM history_state',
  );
  if (!row) throw new Error('history_state is empty');
  return row;
}

/** The documented statement for a manual refresh. */
export const DOCUMENTED_REFRESH =
  "CALL refresh_continuous_aggregate('location_history_daily', NOW() - INTERVAL '7 days', NOW())";

/** Number of reports in the daily history of all layers, by `key day`. */
export async function countsByDay(db: TestDatabase): Promise<Record<string, number>> {
  const rows = await db.query<{ day: string; reports: number }>(
    `SELECT hashed_adv_key || ' ' || to_char(bucket AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, report_count AS reports
     FROM location_history_days ORDER BY 1`,
  );
  return Object.fromEntries(rows.map(({ day, reports }) => [day, reports]));
}

/** Options of createRandomHistory(). */
interface RandomHistoryOptions {
  seed: number;
  count?: number;
  /** Number of days with reports, up to yesterday. */
  days?: number;
  /** Trackers without reports, in addition to `a`, `b` and `c`. */
  others?: readonly string[];
  env?: Record<string, string>;
}

/** Creates a database with random reports of the trackers `a`, `b` and `c`, inserted but not yet aggregated. */
export async function createRandomHistory(
  engine: HistoryEngine,
  { seed, count = 600, days = 13, others = [], env = LONG_RAW_RETENTION }: RandomHistoryOptions,
): Promise<{ db: TestDatabase; today: Date; reports: TestReport[] }> {
  const keys = ['a', 'b', 'c'];
  const db = await TestDatabase.create(engine, { env });
  const today = await historyToday(db);
  for (const key of [...keys, ...others]) await db.register(key);
  const [from, to] = [at(today, -days, '00:00:00'), at(today, 0, '00:00:00')];
  const reports = new Random(seed).reports(count, keys, from, to);
  await insertReports(db, reports);
  return { db, today, reports };
}

/** Inserts reports of these trackers for six days, and closes all days but the last two. */
export async function sixDaysThenRetention(
  db: TestDatabase,
  today: Date,
  keys: readonly string[],
): Promise<TestReport[]> {
  const reports = keys.flatMap((key) => dailyReports(key, today, { from: -6, to: -1, perDay: 24 }));
  await insertReports(db, reports);
  await db.settle();
  await keepRaw(db, 2);
  await maintain(db);
  return reports;
}

/** History without the rows of one tracker and day. */
export async function historyWithout(db: TestDatabase, key: string, day: Date): Promise<DetailedRow[]> {
  const rows = await readHistory(db);
  return rows.filter((row) => row.key !== key || row.bucket !== day.toISOString());
}

/** Rows of a tracker in a relation of history, oldest first. */
export async function rowsIn(
  db: TestDatabase,
  relation: string,
  key: string,
): Promise<Record<string, unknown>[]> {
  await db.settle();
  return db.query(
    `SELECT ST_Y(location) AS latitude, ST_X(location) AS longitude, horizontal_accuracy, confidence, imprecise,
       altitude, speed, course, battery, motion, located_at, last_report_at, report_count, nearest_city
     FROM ${relation} WHERE hashed_adv_key = $1 ORDER BY timestamp`,
    [key],
  );
}
