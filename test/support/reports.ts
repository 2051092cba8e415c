import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { at, type TestReport } from './history-oracle.js';
import { IncomingBatch } from '../../src/import/incoming-batch.js';
import { IngestRepository } from '../../src/import/ingest.repository.js';
import type { Motion } from '../../src/common/telemetry.js';
import type { TestDatabase } from './test-database.js';

/** A connection or database that runs statements. */
interface Queries {
  query(sql: string, values?: unknown[]): Promise<unknown>;
}

/** Inserts reports with one plain statement, as any program would. */
export async function insertReports(
  db: Queries,
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

/** Loads reports by COPY. */
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

/** Number of reports by outcome; outcomes that did not occur are missing. */
export type Ledger = Record<string, number>;

/** Ingests reports as one batch of an import does, without an import run. */
export async function ingestReports(db: TestDatabase, reports: readonly TestReport[]): Promise<Ledger> {
  const batch = new IncomingBatch('test');
  for (const [i, report] of reports.entries()) {
    const { key, at, accuracy, city, motion, ...others } = report;
    batch.add(
      {
        position: i + 1,
        timestamp: at.toISOString(),
        ...others,
        ...(accuracy !== undefined && { horizontalAccuracy: accuracy }),
        ...(city !== undefined && { nearestCity: city }),
        ...(motion !== undefined && { motion: motion as Motion }),
      },
      key,
    );
  }
  const ingest = new IngestRepository(db.dataSource);
  return ingest.transactions.run(async (session) => {
    await ingest.stage(session, batch);
    const outcomes = (await session.query('SELECT outcome, reports::int FROM ingest_reports()')) as {
      outcome: string;
      reports: number;
    }[];
    return Object.fromEntries(outcomes.map(({ outcome, reports: n }) => [outcome, n]));
  });
}

/** The sum of several ledgers. */
export function sum(ledgers: readonly Ledger[]): Ledger {
  const total: Ledger = {};
  for (const [outcome, reports] of ledgers.flatMap((one) => Object.entries(one))) {
    total[outcome] = (total[outcome] ?? 0) + reports;
  }
  return total;
}

/** Total number of reports of a ledger. */
export function totalOf(ledger: Ledger): number {
  return Object.values(ledger).reduce((total, reports) => total + reports, 0);
}

/** Reports of a tracker, evenly over the days `from` to `to` relative to `today`, each at a different position. */
export function dailyReports(
  key: string,
  today: Date,
  { from, to, perDay }: { from: number; to: number; perDay: number },
): TestReport[] {
  const step = 86_400_000 / perDay;
  return Array.from({ length: (to - from + 1) * perDay }, (_, i) => ({
    key,
    at: new Date(at(today, from, '00:00:00').getTime() + Math.floor(i * step + step / 2)),
    latitude: 40 + i / 1000,
    longitude: 7,
    confidence: i % 4,
    accuracy: i,
    ...(i % 5 === 0 && { city: `city ${i}` }),
  }));
}

export const PARIS = { latitude: 48.8566, longitude: 2.3522 };
/** About five kilometres north of PARIS. */
export const CELL_TOWER = { latitude: 48.9016, longitude: 2.3522 };
export const OSLO = { latitude: 59.9139, longitude: 10.7522 };

/** Creates a report on the day that is `days` after today. */
export type MakeReport = (days: number, time: string, more?: Partial<TestReport>) => TestReport;

/** Functions that create a tracker's reports with the phone's own position (precise) or that of its cell tower. */
export function reportsOf(key: string, today: Date): { precise: MakeReport; imprecise: MakeReport } {
  const precise: MakeReport = (days, time, more) => ({
    key,
    at: at(today, days, time),
    ...PARIS,
    confidence: 3,
    accuracy: 8,
    ...more,
  });
  const imprecise: MakeReport = (days, time, more) => ({
    ...precise(days, time),
    ...CELL_TOWER,
    confidence: 1,
    accuracy: 5000,
    altitude: 35,
    speed: 1.5,
    course: 359.5,
    battery: 40,
    motion: 'walking',
    ...more,
  });
  return { precise, imprecise };
}

/** A value for every field of a report except its key and time. */
export const EVERY_FIELD = {
  ...{ latitude: 1, longitude: 2, confidence: 3, accuracy: 5000, city: 'Rome' },
  ...{ altitude: 100.5, speed: 2.5, course: 90, battery: 55, motion: 'cycling' },
} as const;
/** Columns and values of an INSERT of {@link EVERY_FIELD} for tracker `a` at $1, with the columns in reverse order. */
export const VALUES_IN_REVERSE = `(motion, battery, course, speed, altitude, nearest_city, horizontal_accuracy, confidence, location,
    timestamp, hashed_adv_key)
  VALUES ('cycling', 55, 90, 2.5, 100.5, 'Rome', 5000, 3, make_geo_point(2, 1), $1, 'a')`;
