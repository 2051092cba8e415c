import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect } from '@jest/globals';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import {
  type DetailedRow,
  detailedHistory,
  normalize,
  READ_HISTORY,
  type TestReport,
  utcDay,
} from './history-oracle.js';
import type { TestDatabase } from './test-database.js';

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

/** Inserts reports with one plain statement, as any program would. */
export async function insertReports(
  db: Pick<TestDatabase, 'query'>,
  reports: readonly TestReport[],
  conflict: '' | 'ON CONFLICT DO NOTHING' = '',
): Promise<void> {
  await db.query(
    `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, nearest_city,
       altitude, speed, course, battery, motion)
     SELECT key, at, ST_SetSRID(ST_MakePoint(longitude, latitude), 4326), confidence, accuracy, city,
       altitude, speed, course, battery, motion
     FROM jsonb_to_recordset($1) AS r (key text, at timestamptz, latitude float8, longitude float8,
       confidence int, accuracy float8, city text, altitude float8, speed float8, course float8, battery int, motion text)
     ORDER BY key, at ${conflict}`,
    [JSON.stringify(reports)],
  );
}

/** Brings reports by COPY, on a session of one's own. */
export async function copyReports(client: ClientBase, reports: readonly TestReport[]): Promise<void> {
  const { rows } = await client.query<{ line: string }>(
    `SELECT concat_ws(E'\\t', key, at, ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geo_point, coalesce(confidence, '\\N'),
       coalesce(accuracy, '\\N'), coalesce(city, '\\N'), coalesce(altitude, '\\N'), coalesce(speed, '\\N'),
       coalesce(course, '\\N'), coalesce(battery, '\\N'), coalesce(motion, '\\N')) || E'\\n' AS line
     FROM jsonb_to_recordset($1) AS r (key text, at text, latitude float8, longitude float8, confidence text, accuracy text,
       city text, altitude text, speed text, course text, battery text, motion text)`,
    [JSON.stringify(reports)],
  );
  await pipeline(
    Readable.from(rows.map(({ line }) => line)),
    client.query(
      copyFrom(`COPY location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, nearest_city,
        altitude, speed, course, battery, motion) FROM STDIN`),
    ),
  );
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
