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
  /** Whether the materialized view was made anew. */
  remade: boolean;
  /** What the operator should know, as sentences. */
  warnings: string[];
}

/**
 * Brings the database to the schema of this program; harmless when it is there already, and when several do it at once.
 *
 * @param url of a direct connection, see directUrlOf().
 * @param progress is told, a line each, what takes long.
 * @param waitSeconds how long another migration is waited for; by default a minute.
 * @throws DomainError `BAD_CONFIGURATION` when the server lacks what the configuration demands, when a newer program has
 * migrated the database, or when a released step is not what it was; `CONFLICT` when views of others are in the way,
 * or another migration for too long;
 * `UNAVAILABLE` when the database cannot be reached.
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

/** An extension that is not created yet does not tell its licence; migrate() creates it and sees. */
function assumeInstallable(server: ServerCapabilities): ServerCapabilities {
  return server.timescaledbLoaded && server.timescaledbLicense === null
    ? { ...server, timescaledbLicense: 'timescale' }
    : server;
}

/** What migrate() would do, without doing any of it. */
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
 * Drops everything that is the product's. The history is gone afterwards; a backed-up table has its name again.
 *
 * @returns how many steps had run.
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

/** Decides what a new database is made with; TimescaleDB is installed for it, and not left behind unused. */
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

/** What the database was made with; null before the first migration. */
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
 * Stores the settings that the database works by: what is kept how long, from which accuracy on a report is imprecise,
 * and how far TimescaleDB's policies reach back. What was dropped before stays dropped, and reports that are there keep
 * what they were called.
 *
 * For the server alone, which applies retention. A command is run from a shell that may lack the server's settings, and
 * the next maintenance of the server would remove what the defaults no longer keep.
 *
 * @returns why something is kept longer than configured; null when nothing is.
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

/** From which accuracy on the reports that come in from now on are imprecise. */
async function storeMaxAccuracy(db: SqlRunner, config: AppConfig): Promise<void> {
  await db.query(
    'UPDATE history_state SET max_accuracy_meters = $1::float8 WHERE max_accuracy_meters <> $1::float8',
    [config.MAX_ACCURACY_METERS],
  );
}

/**
 * Keeps daily history for as long as configured where that is longer than what the database says, so that an import
 * takes in old reports; never for less: see storeSettings().
 */
export async function lengthenDailyRetention(db: SqlRunner, config: AppConfig): Promise<void> {
  await db.query('UPDATE history_state SET daily_retention_hours = $1 WHERE daily_retention_hours < $1', [
    config.DAILY_RETENTION_DAYS * 24,
  ]);
}
