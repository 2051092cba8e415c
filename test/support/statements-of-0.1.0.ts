import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { isTransient } from '../../src/common/errors/pg-errors.js';
import { retryTransient } from '../../src/database/retry.js';
import type { TestReport } from './history-oracle.js';
import { run } from './migrations.js';
import type { TestDatabase } from './test-database.js';

/** Reports as a statement of 0.1.0 brings them: without what devices say beside the place. */
export function withFieldsOf010(reports: readonly TestReport[]): TestReport[] {
  return reports.map(({ key, at: moment, latitude, longitude, confidence, accuracy, city }) => ({
    ...{ key, at: moment, latitude, longitude },
    ...(confidence !== undefined && { confidence }),
    ...(accuracy !== undefined && { accuracy }),
    ...(city !== undefined && { city }),
  }));
}

/** Reports that came in before 0.2.0: never imprecise, either. */
export function asOf010(reports: readonly TestReport[]): TestReport[] {
  return withFieldsOf010(reports).map((report) => ({ ...report, imprecise: false }));
}

/** Inserts reports by hand, with the columns of 0.1.0. */
export async function insert(db: TestDatabase, reports: readonly TestReport[]): Promise<void> {
  await run(
    db,
    `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, nearest_city)
     SELECT key, at, make_geo_point(longitude, latitude), confidence, accuracy, city
     FROM jsonb_to_recordset($1) AS r (key text, at timestamptz, latitude float8, longitude float8,
       confidence int, accuracy float8, city text)
     ORDER BY key, at ON CONFLICT DO NOTHING`,
    [JSON.stringify(reports)],
  );
}

/** Brings every layer up to the reports, with statements of 0.1.0 alone. */
export async function settle(db: TestDatabase): Promise<void> {
  for (const relation of ['hourly', 'daily']) {
    await refresh(db, relation, 'history_horizon()', `now() + interval '1 hour'`);
  }
  await run(db, 'REFRESH MATERIALIZED VIEW CONCURRENTLY location_history');
  await run(
    db,
    `DELETE FROM refresh_markers;
     UPDATE refresh_state SET changes = changes + 1, refreshed = changes + 1, behind_since = NULL,
       aggregated_at = now(), view_refreshed_at = now()`,
  );
}

async function refresh(db: TestDatabase, relation: string, from: string, to: string): Promise<void> {
  await retryTransient(() =>
    run(db, `CALL refresh_continuous_aggregate('location_history_${relation}', ${from}, ${to})`),
  );
}

/** Closes the days that are older than so many days, one by one; each is refreshed first, as the product does. */
export async function closeDays(db: TestDatabase, rawDays: number): Promise<string[]> {
  await run(db, 'UPDATE history_state SET raw_retention_hours = $1', [rawDays * 24]);
  const closed: string[] = [];
  for (;;) {
    const day = await retryTransient(async () => {
      const [due] = await run(
        db,
        'SELECT closed_before::text AS day FROM history_state WHERE closed_before < midnight_before(raw_retention_hours)',
      );
      if (!due) return null;
      const from = `timestamptz '${String(due['day'])}'`;
      await refresh(db, 'daily', from, `${from} + interval '24 hours'`);
      await run(db, 'SELECT close_oldest_day()');
      return String(due['day']);
    });
    if (day === null) break;
    closed.push(day);
  }
  await retryTransient(() => run(db, 'SELECT apply_aggregate_retention()'));
  return closed;
}

/** What TimescaleDB's policy does with the days that are over; it may be at it at the same time. */
export async function compressChunks(db: TestDatabase, olderThan: Date): Promise<void> {
  await retryTransient(
    () =>
      run(
        db,
        `SELECT compress_chunk(c, if_not_compressed => true)
         FROM show_chunks('location_reports', older_than => $1::timestamptz) AS c`,
        [olderThan.toISOString()],
      ),
    undefined,
    (error) => isTransient(error) || /already compressed/.test(String(error)),
  );
}

/** What a source of 0.1.0 gives of a batch beside its reports. */
interface Refused {
  position: number;
  reason: string;
  message: string;
  tracker?: string;
  given?: string;
}

/** A run that this test holds. */
export interface Run010 {
  id: string;
  owner: string;
}

export async function beginRun(client: pg.Client, name: string, fingerprint: string): Promise<Run010> {
  const owner = randomUUID();
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM begin_import_run(NULL, 'file', $1, 'ndjson', NULL, $2, $3)`,
    [name, fingerprint, owner],
  );
  return { id: String(rows[0]?.id), owner };
}

/** Takes a batch in as the import of 0.1.0 does, in one transaction. */
export async function takeInBatch(
  client: pg.Client,
  { id, owner }: Run010,
  reports: readonly TestReport[],
  refused: readonly Refused[],
): Promise<void> {
  await client.query('BEGIN');
  await client.query('SELECT prepare_incoming_reports()');
  await client.query(
    `INSERT INTO incoming_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence,
       horizontal_accuracy, status, nearest_city, source)
     SELECT n, key, at, latitude, longitude, confidence, accuracy, NULL, city, 'test'
     FROM ROWS FROM (jsonb_to_recordset($1) AS (key text, at timestamptz, latitude float8, longitude float8,
       confidence int, accuracy float8, city text)) WITH ORDINALITY
       AS r (key, at, latitude, longitude, confidence, accuracy, city, n)`,
    [JSON.stringify(reports)],
  );
  await client.query(
    `INSERT INTO refused_reports (position, reason, message, tracker, given)
     SELECT * FROM jsonb_to_recordset($1) AS r (position bigint, reason text, message text, tracker text, given text)`,
    [JSON.stringify(refused)],
  );
  await client.query('SELECT take_in_batch($1, $2, $3, $4, 1000, 100)', [
    id,
    owner,
    reports.length,
    refused.length,
  ]);
  await client.query('COMMIT');
}

/** Takes one report in as the API of 0.1.0 does; how it was taken: stored, late or duplicate. */
export async function takeReport(client: pg.Client, report: TestReport): Promise<string> {
  const { rows } = await client.query<{ outcome: string }>(
    'SELECT take_report($1, $2, $3, $4, $5, $6, $7, $8, $9) AS outcome',
    [
      ...[report.key, report.at, report.latitude, report.longitude],
      ...[report.confidence ?? null, report.accuracy ?? null, null, report.city ?? null, 'test'],
    ],
  );
  return String(rows[0]?.outcome);
}
