import type { DataSource } from 'typeorm';
import type { AppConfig } from '../config/app-config.js';
import { createPoliciesSafely } from '../database/changes-log.js';
import { installPostgis, installTimescaledb, missingExtensions } from './extensions.js';
import { inBriefTransaction } from '../database/schema/brief-transaction.js';
import { definitionFiles } from '../database/schema/definitions.js';
import { remakeMaterializedView } from './materialized-view.js';
import type { LockWait } from './migration-lock.js';
import { withMigrationLock, withMigrationSession } from './migration-session.js';
import { type MigrationPlan, planPending } from './plan.js';
import { definedRelations } from '../database/schema/relation-locks.js';
import { readVersion } from '../database/schema/schema-version.js';
import { findExecuted, findPending, runPending } from './step-runner.js';
import { dropEverything, ownedObjects } from './undo.js';
import { refuseHidingSearchPath, setSearchPath } from './search-path.js';
import {
  checkFoundation,
  chooseFoundation,
  type Foundation,
  rawRetention,
  readCapabilities,
  type ServerCapabilities,
  type SqlRunner,
} from '../database/server-capabilities.js';
import type { Session } from '../database/session.js';

export interface MigrationReport extends Foundation {
  /** Names of the steps that ran, in order. */
  ran: string[];
  /** Whether the definitions were applied. */
  definitions: boolean;
  /** Whether the materialized view was rebuilt. */
  remade: boolean;
  /** Warnings for the operator, as sentences. */
  warnings: string[];
}

/**
 * Migrates the database to the schema of this program. Harmless if it has that already, or if several processes do it at once.
 *
 * @param url of a direct connection, see directUrlOf().
 * @param progress called with a line for everything that takes long.
 * @param waitSeconds how long to wait for another migration; by default a minute.
 * @throws DomainError `BAD_CONFIGURATION` when the server does not support the configuration, a newer program has migrated the
 * database, or a released step was edited; `CONFLICT` when views of others depend on what has to be replaced, or another
 * migration takes too long; `UNAVAILABLE` when the database cannot be reached.
 */
export async function migrate(
  config: AppConfig,
  url: string,
  progress: (line: string) => void = () => undefined,
  waitSeconds?: number,
): Promise<MigrationReport> {
  const wait = { progress, seconds: waitSeconds };
  const work = async (guard: SqlRunner): Promise<MigrationReport> => {
    const made = await readFoundation(guard);
    const { server, engine, spatialLayer, warnings } = made
      ? { ...made, server: await readCapabilities(guard), warnings: [] }
      : await prepareNewDatabase(guard, config);
    const foundation = { engine, spatialLayer };
    if (made) checkFoundation(made, server, config);
    await refuseHidingSearchPath(guard, foundation);
    if (made) await setSearchPath(guard);
    const report = made ? progress : () => undefined; // a new database has nothing that takes long
    const change = async (session: Session, dataSource: DataSource): Promise<MigrationReport> => {
      const pending = await findPending(dataSource, session, made);
      const ran = await runPending(dataSource, session, foundation, pending, report);
      if (!made) await storeMaxAccuracy(session, config);
      if (engine === 'timescaledb') await createPoliciesSafely(dataSource, config);
      const remade = await remakeMaterializedView(session, foundation, report);
      const { warning } = rawRetention(engine, server, config);
      return {
        ran,
        definitions: pending.definitions,
        remade,
        engine,
        spatialLayer,
        warnings: warning === null ? warnings : [...warnings, warning],
      };
    };
    return withMigrationSession(config, url, foundation, server, change, wait);
  };
  return withMigrationLock(config, url, work, wait);
}

/** Before an extension is created its licence is unknown; migrate() creates it and checks. */
function assumeInstallable(server: ServerCapabilities): ServerCapabilities {
  return server.timescaledbLoaded && server.timescaledbLicense === null
    ? { ...server, timescaledbLicense: 'timescale' }
    : server;
}

/** The plan of migrate(), without running it. */
export async function planMigration(
  config: AppConfig,
  url: string,
  wait: LockWait = {},
): Promise<MigrationPlan> {
  const work = async (guard: SqlRunner): Promise<MigrationPlan> => {
    const made = await readFoundation(guard);
    const server = await readCapabilities(guard);
    const foundation = made ?? chooseFoundation(assumeInstallable(server), config);
    const plan = async (session: Session, dataSource: DataSource): Promise<MigrationPlan> => ({
      ...(await planPending(dataSource, session, foundation, made !== null)),
      extensions: made ? [] : missingExtensions(server, foundation),
    });
    return withMigrationSession(config, url, foundation, server, plan, wait);
  };
  return withMigrationLock(config, url, work, wait);
}

/**
 * Drops everything that the product created, including all history. A backed-up table gets its name back.
 *
 * @returns the number of steps that had run.
 */
export async function undoMigrations(config: AppConfig, url: string, wait: LockWait = {}): Promise<number> {
  const work = async (guard: SqlRunner): Promise<number> => {
    const made = await readFoundation(guard);
    if (!made) return 0;
    const server = await readCapabilities(guard);
    const undo = async (session: Session, dataSource: DataSource): Promise<number> => {
      const steps = await findExecuted(dataSource, session);
      const { definitions } = await readVersion(session);
      const owned = ownedObjects(made, steps, definitions !== null);
      await inBriefTransaction(session, () => dropEverything(session, owned), {
        relations: definedRelations(definitionFiles(made)),
      });
      return steps.length;
    };
    return withMigrationSession(config, url, made, server, undo, wait);
  };
  return withMigrationLock(config, url, work, wait);
}

/** Chooses engine and spatial layer of a new database. Installs TimescaleDB to decide, and removes it if it is not used. */
async function prepareNewDatabase(
  session: SqlRunner,
  config: AppConfig,
): Promise<Foundation & { server: ServerCapabilities; warnings: string[] }> {
  const installed = config.HISTORY_ENGINE !== 'postgresql' && (await installTimescaledb(session));
  const server = await readCapabilities(session);
  const chosen = chooseFoundation(server, config);
  if (installed && chosen.engine !== 'timescaledb') await session.query('DROP EXTENSION timescaledb');
  if (chosen.spatialLayer === 'postgis') await installPostgis(session);
  return { ...chosen, server };
}

/** Engine and spatial layer of the database; null before the first migration. */
export async function readFoundation(db: SqlRunner): Promise<Foundation | null> {
  const [{ present }] = (await db.query(`SELECT to_regclass('history_state') IS NOT NULL AS present`)) as [
    { present: boolean },
  ];
  if (!present) return null;
  const [made] = (await db.query(
    'SELECT engine, spatial_layer AS "spatialLayer" FROM history_state',
  )) as Foundation[];
  return made ?? null;
}

/**
 * Stores the settings that SQL functions read: retention, the accuracy limit, and the windows of TimescaleDB's policies. Dropped
 * data stays dropped, and stored reports stay precise or imprecise.
 *
 * To be called by the server alone, which applies retention. A command may run in a shell without the server's settings, and the
 * next maintenance would then remove what the defaults do not keep.
 *
 * @returns a warning if raw reports are kept longer than configured; otherwise null.
 */
export async function storeSettings(db: SqlRunner, config: AppConfig): Promise<string | null> {
  const made = await readFoundation(db);
  const raw = rawRetention(made?.engine ?? 'postgresql', await readCapabilities(db), config);
  await db.query(
    `UPDATE history_state SET raw_retention_hours = $1, hourly_retention_hours = $2, daily_retention_hours = $3
     WHERE (raw_retention_hours, hourly_retention_hours, daily_retention_hours) IS DISTINCT FROM ($1, $2, $3)`,
    [raw.hours, config.HOURLY_RETENTION_HOURS, config.DAILY_RETENTION_DAYS * 24],
  );
  await storeMaxAccuracy(db, config);
  if (made?.engine === 'timescaledb') {
    await db.query('SELECT set_refresh_windows($1, $2)', [
      config.HOURLY_REFRESH_WINDOW_HOURS,
      config.DAILY_REFRESH_WINDOW_HOURS,
    ]);
  }
  return raw.warning;
}

/** Applies to reports that arrive from now on. */
async function storeMaxAccuracy(db: SqlRunner, config: AppConfig): Promise<void> {
  await db.query(
    'UPDATE history_state SET max_accuracy_meters = $1::float8 WHERE max_accuracy_meters <> $1::float8',
    [config.MAX_ACCURACY_METERS],
  );
}

/**
 * Extends daily retention to the configured one, so that an import accepts old reports; never shortens it: see
 * storeSettings().
 */
export async function lengthenDailyRetention(db: SqlRunner, config: AppConfig): Promise<void> {
  await db.query('UPDATE history_state SET daily_retention_hours = $1 WHERE daily_retention_hours < $1', [
    config.DAILY_RETENTION_DAYS * 24,
  ]);
}
