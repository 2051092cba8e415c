import type { DataSource } from 'typeorm';
import { DomainError } from '../common/errors/domain-error.js';
import type { AppConfig } from '../config/app-config.js';
import { createDataSource } from '../database/data-source.js';
import { createMigrationDataSource } from './migration-data-source.js';
import {
  databaseErrorCode,
  databaseErrorDetail,
  reasonInBrackets,
  SQLSTATE,
  toDomainError,
} from '../common/errors/pg-errors.js';
import {
  type Foundation,
  rawRetention,
  type ServerCapabilities,
  type SqlRunner,
} from '../database/server-capabilities.js';
import type { Session } from '../database/session.js';
import { dedicatedSession } from '../database/session-settings.js';
import { requireWritable } from '../database/writable.js';
import { verifyFrozenSteps, verifyRecordedSteps } from './frozen-steps.js';
import {
  type LockWait,
  MIGRATION_LOCK,
  MIGRATION_NAME,
  MIGRATION_SESSION_LOCK,
  takeMigrationLock,
} from './migration-lock.js';
import { readVersion, refuseDowngrade } from '../database/schema/schema-version.js';

/** Removes limits that the role or the database may set for clients, and that would end long statements. */
const UNLIMITED = {
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
};

/** Settings of the session that changes the schema. */
const MIGRATION_SETTINGS = {
  ...UNLIMITED,
  jit: 'off', // compiling takes longer than most of these statements
  // TimescaleDB 2.28.3 loses rows in parallel plans: https://github.com/timescale/timescaledb/issues/10503
  max_parallel_workers_per_gather: '0',
};

/**
 * Explains a lost connection, and an object that the product did not create and that depends on it; keeps any other
 * error.
 */
function toMigrationError(error: unknown): unknown {
  if (databaseErrorCode(error) === SQLSTATE.dependentObjects) {
    return new DomainError(
      'CONFLICT',
      `An object that is not of this product has to be dropped first: ${databaseErrorDetail(error) ?? String(error)}. ` +
        'No step is half done. Drop the object, and run this again',
      { cause: error },
    );
  }
  const known = toDomainError(error);
  return known !== error && known instanceof DomainError && known.code === 'UNAVAILABLE'
    ? new DomainError(
        'UNAVAILABLE',
        `The connection to the database was lost${reasonInBrackets(error)}. Run it again: it continues where it stopped`,
        { cause: error },
      )
    : error;
}

/**
 * Runs `work` under the migration lock, after checking that the steps that ran in the database are the steps of this
 * program. Everything that changes the schema starts here.
 *
 * @param url of a direct connection, see directUrlOf().
 * @throws DomainError `UNAVAILABLE` when the connection fails, `BAD_CONFIGURATION` when a newer program or other files
 * have migrated the database, `CONFLICT` when another migration holds the lock for too long, or an object that the
 * product did not create depends on a dropped one.
 */
export async function withMigrationLock<T>(
  config: AppConfig,
  url: string,
  work: (session: SqlRunner) => Promise<T>,
  wait: LockWait = {},
): Promise<T> {
  verifyFrozenSteps();
  const lockPool = createDataSource({ ...config, DATABASE_POOL_SIZE: 2 }, url, {
    applicationName: MIGRATION_NAME,
    session: dedicatedSession(UNLIMITED),
  });
  try {
    await lockPool.initialize();
  } catch (error) {
    throw toDomainError(error);
  }
  const session = lockPool.createQueryRunner();
  try {
    await session.connect();
    await requireWritable(session);
    await takeMigrationLock(session, MIGRATION_LOCK, wait);
    refuseDowngrade(await readVersion(session));
    await verifyRecordedSteps(session);
    return await work(session);
  } catch (error) {
    throw toMigrationError(error);
  } finally {
    await session.release();
    await lockPool.destroy(); // ends the session, and the lock with it
  }
}

/**
 * Runs `work` on the session that changes the schema. This session holds a second lock, because the last statement of a
 * killed migration runs until the server notices.
 */
export async function withMigrationSession<T>(
  config: AppConfig,
  url: string,
  foundation: Foundation,
  server: ServerCapabilities,
  work: (session: Session, dataSource: DataSource) => Promise<T>,
  wait: LockWait = {},
): Promise<T> {
  const dataSource = migrationDataSource(config, url, foundation, server);
  await dataSource.initialize();
  const session = dataSource.createQueryRunner();
  try {
    await session.connect();
    await takeMigrationLock(session, MIGRATION_SESSION_LOCK, wait);
    return await work(session, dataSource);
  } finally {
    await session.release();
    await dataSource.destroy();
  }
}

/** Passes the configuration to the SQL files as session settings, so that the files also run under psql. */
function migrationDataSource(
  config: AppConfig,
  url: string,
  foundation: Foundation,
  server: ServerCapabilities,
): DataSource {
  const settings = {
    'tracker.history_engine': foundation.engine,
    'tracker.spatial_layer': foundation.spatialLayer,
    'tracker.raw_retention_hours': String(rawRetention(foundation.engine, server, config).hours),
    'tracker.hourly_retention_hours': String(config.HOURLY_RETENTION_HOURS),
    'tracker.daily_retention_hours': String(config.DAILY_RETENTION_DAYS * 24),
  };
  return createMigrationDataSource(config, url, dedicatedSession({ ...MIGRATION_SETTINGS, ...settings }));
}
