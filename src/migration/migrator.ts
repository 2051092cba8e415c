import type { DataSource } from 'typeorm';
import type { AppConfig } from '../config/app-config.js';
import { createPoliciesSafely } from '../database/changes-log.js';
import { installPostgis, installTimescaledb, missingExtensions } from './extensions.js';
import { inBriefTransaction } from '../database/schema/brief-transaction.js';
import { definitionFiles } from '../database/schema/definitions.js';
import { rebuildMaterializedView } from './materialized-view.js';
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
  /** Whether the materialized view was rebuilt. `migrate --json` prints this name. */
  remade: boolean;
  /** Warnings for the operator, as sentences. */
  warnings: string[];
}

/**
 * Migrates the database to the schema of this program. Harmless if it has that already, or if several processes call it
 * at once.
 *
 * @param url of a direct connection, see directUrlOf().
 * @param progress called with a line for everything that takes long.
 * @param waitSeconds how long to wait for another migration; by default a minute.
 * @throws DomainError `BAD_CONFIGURATION` when the server does not support the configuration, a newer program has
 * migrated the database, or a released step was edited; `CONFLICT` when objects that the product did not create depend
 * on relations that have to be replaced, or another migration takes too long; `UNAVAILABLE` when the database cannot be
 * reached.
 */
export async function migrate(
  config: AppConfig,
  url: string,
  progress: (line: string) => void = () => undefined,
  waitSeconds?: number,
): Promise<MigrationReport> {
  const wait = { progress, seconds: waitSeconds };
  const work = async (lockSession: SqlRunner): Promise<MigrationReport> => {
    const existing = await readFoundation(lockSession);
    const { server, engine, spatialLayer, warnings } = existing
      ? { ...existing, server: await readCapabilities(lockSession), warnings: [] }
      : await prepareNewDatabase(lockSession, config);
    const foundation = { engine, spatialLayer };
    if (existing) checkFoundation(existing, server, config);
    await refuseHidingSearchPath(lockSession, foundation);
    if (existing) await setSearchPath(lockSession);
    const onProgress = existing ? progress : () => undefined; // nothing takes long in a new database
    const change = async (session: Session, dataSource: DataSource): Promise<MigrationReport> => {
      const pending = await findPending(dataSource, session, existing);
      const ran = await runPending(dataSource, session, foundation, pending, onProgress);
      if (!existing) await storeMaxAccuracy(session, config);
      if (engine === 'timescaledb') await createPoliciesSafely(dataSource, config);
      const rebuilt = await rebuildMaterializedView(session, foundation, onProgress);
      const { warning } = rawRetention(engine, server, config);
      return {
        ran,
        definitions: pending.definitions,
        remade: rebuilt,
        engine,
        spatialLayer,
        warnings: warning === null ? warnings : [...warnings, warning],
      };
    };
    return withMigrationSession(config, url, foundation, server, change, wait);
  };
  return withMigrationLock(config, url, work, wait);
}

/** Assumes the full licence of TimescaleDB, which is unknown until migrate() has created the extension. */
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
  const work = async (lockSession: SqlRunner): Promise<MigrationPlan> => {
    const existing = await readFoundation(lockSession);
    const server = await readCapabilities(lockSession);
    const foundation = existing ?? chooseFoundation(assumeInstallable(server), config);
    const plan = async (session: Session, dataSource: DataSource): Promise<MigrationPlan> => ({
      ...(await planPending(dataSource, session, foundation, existing !== null)),
      extensions: existing ? [] : missingExtensions(server, foundation),
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
  const work = async (lockSession: SqlRunner): Promise<number> => {
    const foundation = await readFoundation(lockSession);
    if (!foundation) return 0;
    const server = await readCapabilities(lockSession);
    const undo = async (session: Session, dataSource: DataSource): Promise<number> => {
      const steps = await findExecuted(dataSource, session);
      const { definitions } = await readVersion(session);
      const owned = ownedObjects(foundation, steps, definitions !== null);
      await inBriefTransaction(session, () => dropEverything(session, owned), {
        relations: definedRelations(definitionFiles(foundation)),
      });
      return steps.length;
    };
    return withMigrationSession(config, url, foundation, server, undo, wait);
  };
  return withMigrationLock(config, url, work, wait);
}

/**
 * Chooses engine and spatial layer of a new database. Installs TimescaleDB to decide, and removes it if it is not used.
 */
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
  const [foundation] = (await db.query(
    'SELECT engine, spatial_layer AS "spatialLayer" FROM history_state',
  )) as Foundation[];
  return foundation ?? null;
}

/**
 * Stores the settings that SQL functions read: retention, the accuracy limit, and the windows of TimescaleDB's
 * policies. Removed data does not come back, and stored reports keep their imprecise flag.
 *
 * Only the server may call it: a command may run in a shell without the server's settings, and the next maintenance
 * would then remove what the defaults do not keep.
 *
 * @returns a warning if raw reports are kept longer than configured; otherwise null.
 */
export async function storeSettings(db: SqlRunner, config: AppConfig): Promise<string | null> {
  const foundation = await readFoundation(db);
  const raw = rawRetention(foundation?.engine ?? 'postgresql', await readCapabilities(db), config);
  await db.query(
    `UPDATE history_state SET raw_retention_hours = $1, hourly_retention_hours = $2, daily_retention_hours = $3
     WHERE (raw_retention_hours, hourly_retention_hours, daily_retention_hours) IS DISTINCT FROM ($1, $2, $3)`,
    [raw.hours, config.HOURLY_RETENTION_HOURS, config.DAILY_RETENTION_DAYS * 24],
  );
  await storeMaxAccuracy(db, config);
  if (foundation?.engine === 'timescaledb') {
    await db.query('SELECT set_refresh_windows($1, $2)', [
      config.HOURLY_REFRESH_WINDOW_HOURS,
      config.DAILY_REFRESH_WINDOW_HOURS,
    ]);
  }
  return raw.warning;
}

/** Stores the accuracy limit, which applies to reports that arrive from now on. */
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
