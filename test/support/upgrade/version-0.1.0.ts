import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import { migrations } from '../../../migrations/index.js';
import type { AppConfig } from '../../../src/config/app-config.js';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { createPoliciesSafely } from '../../../src/database/changes-log.js';
import { installPostgis, installTimescaledb } from '../../../src/migration/extensions.js';
import { readFoundation } from '../../../src/migration/migrator.js';
import { isTransient } from '../../../src/common/errors/pg-errors.js';
import { retryTransient } from '../../../src/database/retry.js';
import { withMigrationLock, withMigrationSession } from '../../../src/migration/migration-session.js';
import {
  chooseFoundation,
  type Foundation,
  readCapabilities,
  type ServerCapabilities,
} from '../../../src/database/server-capabilities.js';
import { packagePath } from '../../../src/database/sql-files.js';
import type { TestReport } from '../history-oracle.js';
import { TestDatabase } from '../test-database.js';

/** Folder with files of version 0.1.0 (commit 1fd3500) that were changed or removed later. */
export const FIXTURES_010 = packagePath('test', 'fixtures', '0.1.0');

/**
 * A new database keeps raw reports for fourteen days: more than any test closes, so that no test has to move the clock.
 * Both versions read the setting from the environment.
 */
const LONG_RAW_RETENTION = { RAW_RETENTION_DAYS: '14' };

/** How a database of 0.1.0 is created. */
export interface Options010 {
  /** SQL that runs in the empty database. */
  before?: string;
  /**
   * Environment variables beyond the defaults; HISTORY_ENGINE may differ from the server's engine, for a later move.
   */
  env?: Record<string, string>;
}

/** Creates a database as version 0.1.0 did: without reports, or with those of earlier tables. */
export async function createVersion010(
  engine: HistoryEngine,
  { before, env }: Options010 = {},
): Promise<TestDatabase> {
  const db = await TestDatabase.create(engine, { empty: true, env: { ...LONG_RAW_RETENTION, ...env } });
  if (before !== undefined) await db.queryOnNewConnection(before);
  await runSteps(db, ['0001']);
  if ((await readFoundation(db.dataSource))?.engine === 'timescaledb') {
    await db.administer(logNewReports());
    await createPoliciesSafely(db.dataSource, db.config);
  }
  return db;
}

/** Creates the schema in an empty database, as `tracker migrate` of 0.1.0 did. @returns the engine. */
export function migrateToVersion010(config: AppConfig, url: string): Promise<HistoryEngine> {
  return withMigrationLock(config, url, async (lockSession) => {
    if (config.HISTORY_ENGINE !== 'postgresql') await installTimescaledb(lockSession);
    const server = await readCapabilities(lockSession);
    const foundation = chooseFoundation(server, config);
    if (foundation.spatialLayer === 'postgis') await installPostgis(lockSession);
    await runFrozenSteps(config, url, { server, foundation }, ['0001'], async (dataSource) => {
      if (foundation.engine === 'timescaledb') await createPoliciesSafely(dataSource, config);
    });
    return foundation.engine;
  });
}

/**
 * Runs the frozen steps of these folders that have not run yet, and no other part of migrate(), like the migrations of
 * version 0.1.0 or an interrupted upgrade. Earlier steps must have run.
 */
export async function runSteps(db: TestDatabase, folders: readonly string[]): Promise<void> {
  const server = await readCapabilities(db.dataSource);
  const foundation = chooseFoundation(server, db.config);
  await runFrozenSteps(db.config, db.url, { server, foundation }, folders);
  await db.reconnect();
}

async function runFrozenSteps(
  config: AppConfig,
  url: string,
  { server, foundation }: { server: ServerCapabilities; foundation: Foundation },
  folders: readonly string[],
  afterwards?: (dataSource: DataSource) => Promise<void>,
): Promise<void> {
  await withMigrationSession(config, url, foundation, server, async (session, migrating) => {
    const steps = migrations.filter((step) => folders.includes(new step().folder));
    for (const step of steps) await new step().prepare?.({ session, foundation, progress: () => undefined });
    const dataSource = await new DataSource({ ...migrating.options, migrations: steps }).initialize();
    try {
      await dataSource.runMigrations({ transaction: 'each' });
    } finally {
      await dataSource.destroy();
    }
    await afterwards?.(migrating);
  });
}

/**
 * SQL of log_new_reports() as in 0.1.0. Step 0001 creates another version, because only a superuser may create this
 * one. The owner of the database remains its owner.
 */
function logNewReports(): string {
  const file = readFileSync(join(FIXTURES_010, 'report_triggers.sql'), 'utf8');
  const found = /^CREATE (FUNCTION log_new_reports\(\).*?^END \$\$;)$/ms.exec(file);
  if (!found?.[1]?.includes("SET tracker.logs_changes = 'on'"))
    throw new Error('report_triggers.sql is not the file of 0.1.0');
  return `CREATE OR REPLACE ${found[1]}`;
}

/** Reports with the columns of 0.1.0 only, without telemetry. */
export function withFieldsOf010(reports: readonly TestReport[]): TestReport[] {
  return reports.map(({ key, at: moment, latitude, longitude, confidence, accuracy, city }) => ({
    ...{ key, at: moment, latitude, longitude },
    ...(confidence !== undefined && { confidence }),
    ...(accuracy !== undefined && { accuracy }),
    ...(city !== undefined && { city }),
  }));
}

/** Reports as they were stored before 0.2.0, when none was imprecise. */
export function asOf010(reports: readonly TestReport[]): TestReport[] {
  return withFieldsOf010(reports).map((report) => ({ ...report, imprecise: false }));
}

/** Inserts reports by hand, with the columns of 0.1.0. */
export async function insert(db: TestDatabase, reports: readonly TestReport[]): Promise<void> {
  await db.queryOnNewConnection(
    `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, nearest_city)
     SELECT key, at, make_geo_point(longitude, latitude), confidence, accuracy, city
     FROM jsonb_to_recordset($1) AS r (key text, at timestamptz, latitude float8, longitude float8,
       confidence int, accuracy float8, city text)
     ORDER BY key, at ON CONFLICT DO NOTHING`,
    [JSON.stringify(reports)],
  );
}

/** Refreshes every layer with statements of 0.1.0 only. */
export async function settle(db: TestDatabase): Promise<void> {
  for (const relation of ['hourly', 'daily']) {
    await refresh(db, relation, 'history_horizon()', `now() + interval '1 hour'`);
  }
  await db.queryOnNewConnection('REFRESH MATERIALIZED VIEW CONCURRENTLY location_history');
  await db.queryOnNewConnection(`DELETE FROM refresh_markers;
     UPDATE refresh_state SET changes = changes + 1, refreshed = changes + 1, behind_since = NULL,
       aggregated_at = now(), view_refreshed_at = now()`);
}

async function refresh(db: TestDatabase, relation: string, from: string, to: string): Promise<void> {
  await retryTransient(() =>
    db.queryOnNewConnection(
      `CALL refresh_continuous_aggregate('location_history_${relation}', ${from}, ${to})`,
    ),
  );
}

/**
 * Closes the days older than `rawDays`, one by one; refreshes each first, as the product does. @returns the closed
 * days.
 */
export async function closeDays(db: TestDatabase, rawDays: number): Promise<string[]> {
  await db.queryOnNewConnection('UPDATE history_state SET raw_retention_hours = $1', [rawDays * 24]);
  const closed: string[] = [];
  for (;;) {
    const day = await retryTransient(async () => {
      const [due] = await db.queryOnNewConnection(
        'SELECT closed_before::text AS day FROM history_state WHERE closed_before < midnight_before(raw_retention_hours)',
      );
      if (!due) return null;
      const from = `timestamptz '${String(due['day'])}'`;
      await refresh(db, 'daily', from, `${from} + interval '24 hours'`);
      await db.queryOnNewConnection('SELECT close_oldest_day()');
      return String(due['day']);
    });
    if (day === null) break;
    closed.push(day);
  }
  await retryTransient(() => db.queryOnNewConnection('SELECT apply_aggregate_retention()'));
  return closed;
}

/** Compresses old days like TimescaleDB's policy, which may be doing the same. */
export async function compressChunks(db: TestDatabase, olderThan: Date): Promise<void> {
  await retryTransient(
    () =>
      db.queryOnNewConnection(
        `SELECT compress_chunk(c, if_not_compressed => true)
         FROM show_chunks('location_reports', older_than => $1::timestamptz) AS c`,
        [olderThan.toISOString()],
      ),
    undefined,
    (error) => isTransient(error) || /already compressed/.test(String(error)),
  );
}

/** An item that a source of 0.1.0 rejects. */
interface RejectedItem010 {
  position: number;
  reason: string;
  message: string;
  tracker?: string;
  given?: string;
}

/** An import run, and its owner. */
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

/** Ingests a batch as the import of 0.1.0 does, in one transaction. */
export async function takeInBatch(
  client: pg.Client,
  { id, owner }: Run010,
  reports: readonly TestReport[],
  rejected: readonly RejectedItem010[],
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
    [JSON.stringify(rejected)],
  );
  await client.query('SELECT take_in_batch($1, $2, $3, $4, 1000, 100)', [
    id,
    owner,
    reports.length,
    rejected.length,
  ]);
  await client.query('COMMIT');
}

/** Ingests one report as the API of 0.1.0 does. @returns stored, late or duplicate. */
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
