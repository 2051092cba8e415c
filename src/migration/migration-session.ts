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

/** Removes limits that a role or database may have for its clients, and that would end long statements. */
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
  // TimescaleDB 2.28.3 loses rows in them (https://github.com/timescale/timescaledb/issues/10503), which would be lost for good.
  max_parallel_workers_per_gather: '0',
};

/** Explains a lost connection and a dependent object of others; returns any other error unchanged. */
function toMigrationError(error: unknown): unknown {
  if (databaseErrorCode(error) === SQLSTATE.dependentObjects) {
    return new DomainError(
      'CONFLICT',
      `Something that is not of this product is in the way: ${databaseErrorDetail(error) ?? String(error)}. ` +
        'Nothing is half done. Drop that, and run it again',
      { cause: error },
    );
  }
  const known = toDomainError(error);
  return known !== error && known instanceof DomainError && known.code === 'UNAVAILABLE'
    ? new DomainError(
        'UNAVAILABLE',
        `The connection to the database was lost${reasonInBrackets(error)}. Run it again: it goes on where it was`,
        { cause: error },
      )
    : error;
}

/**
 * Works under the migration lock, after checking that the steps that ran are those of this program. Everything that changes the
 * schema starts here.
 *
 * @param url of a direct connection, see directUrlOf().
 * @throws DomainError `UNAVAILABLE` when the connection fails, `BAD_CONFIGURATION` when a newer program or other files have
 * migrated the database, `CONFLICT` when another migration holds the lock for too long, or objects of others depend on what is
 * dropped.
 */
export async function withMigrationLock<T>(
  config: AppConfig,
  url: string,
  work: (session: SqlRunner) => Promise<T>,
  wait: LockWait = {},
): Promise<T> {
  verifyFrozenSteps();
  const guard = createDataSource({ ...config, DATABASE_POOL_SIZE: 2 }, url, {
    applicationName: MIGRATION_NAME,
    session: dedicatedSession(UNLIMITED),
  });
  try {
    await guard.initialize();
  } catch (error) {
    throw toDomainError(error);
  }
  const session = guard.createQueryRunner();
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
    await guard.destroy(); // ends the session, and the lock with it
  }
}

/**
 * Works on the session that changes the schema. It holds a lock of its own: when a migration was killed, its last statement may
 * still be running until the server notices.
 */
export async function withMigrationSession<T>(
  config: AppConfig,
  url: string,
  made: Foundation,
  server: ServerCapabilities,
  work: (session: Session, dataSource: DataSource) => Promise<T>,
  wait: LockWait = {},
): Promise<T> {
  const dataSource = migrationDataSource(config, url, made, server);
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
  made: Foundation,
  server: ServerCapabilities,
): DataSource {
  const settings = {
    'tracker.history_engine': made.engine,
    'tracker.spatial_layer': made.spatialLayer,
    'tracker.raw_retention_hours': String(rawRetention(made.engine, server, config).hours),
    'tracker.hourly_retention_hours': String(config.HOURLY_RETENTION_HOURS),
    'tracker.daily_retention_hours': String(config.DAILY_RETENTION_DAYS * 24),
  };
  return createMigrationDataSource(config, url, dedicatedSession({ ...MIGRATION_SETTINGS, ...settings }));
}
