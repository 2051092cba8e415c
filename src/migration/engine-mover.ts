import type { QueryRunner } from 'typeorm';
import type { AppConfig } from '../config/app-config.js';
import { DomainError } from '../common/errors/domain-error.js';
import { createPoliciesSafely } from '../database/changes-log.js';
import { installTimescaledb } from './extensions.js';
import { createMigrationDataSource } from './migration-data-source.js';
import { readFoundation } from './migrator.js';
import type { LockWait } from './migration-lock.js';
import { withMigrationLock } from './migration-session.js';
import { refreshAggregate } from '../database/refresh-aggregate.js';
import { retryTransient } from '../database/retry.js';
import { dedicatedSession } from '../database/session-settings.js';
import {
  chooseFoundation,
  type Foundation,
  readCapabilities,
  type SqlRunner,
} from '../database/server-capabilities.js';
import { applyDefinitions, definitionFiles, dropDefinitions } from '../database/schema/definitions.js';
import { dropSuperseded } from '../database/schema/replace-relation.js';
import { PROGRAM_VERSION } from '../database/schema/program-version.js';
import { readVersion } from '../database/schema/schema-version.js';
import { Step } from '../database/schema/step.js';
import { findPending } from './step-runner.js';
import { inTransaction } from '../database/transactions.js';

export interface MoveReport {
  /** Whether this call moved it; false when the database was on the timescaledb engine already. */
  moved: boolean;
  /**
   * Whether the aggregates or the materialized view had to be refreshed, also because an earlier move was interrupted.
   */
  refreshed: boolean;
  /** Number of raw reports, and of daily rows below the horizon, that were moved. */
  reports: number;
  days: number;
}

/** How long to wait for current readers and writers. */
const LOCK_TIMEOUT = '30s';

/**
 * Moves a database from the postgresql engine to the timescaledb engine, in one transaction: if that is interrupted,
 * nothing has changed except that the extension is installed. Raw reports move into the hypertable, days below the
 * horizon into the table beside the continuous aggregate; the identities of counted reports stay.
 *
 * Then the aggregates and the materialized view are refreshed. If that is interrupted, they stay marked as stale, and
 * another call or the refresher refreshes them.
 *
 * @param url of a direct connection, see directUrlOf().
 * @throws DomainError `BAD_CONFIGURATION` when the server cannot run the engine or this program has another schema
 * version, `NOT_FOUND` when the database is not migrated, `CONFLICT` when another migration holds the lock for too
 * long, `UNAVAILABLE` when it is moved but could not be refreshed; 55P03 when the tables stay locked by others for half
 * a minute.
 */
export function moveToTimescaledb(config: AppConfig, url: string, wait: LockWait = {}): Promise<MoveReport> {
  const work = async (session: SqlRunner): Promise<MoveReport> => {
    const foundation = await readFoundation(session);
    if (!foundation)
      throw new DomainError('NOT_FOUND', 'This database is not migrated yet; there is nothing to move');
    await withRunner(config, url, (runner) => refusePending(runner, foundation));
    const isMoved = foundation.engine === 'timescaledb';
    if (!isMoved) {
      await installTimescaledb(session);
      chooseFoundation(await readCapabilities(session), {
        HISTORY_ENGINE: 'timescaledb',
        SPATIAL_LAYER: foundation.spatialLayer,
      });
    }
    return withRunner(config, url, async (runner) => {
      const moved = isMoved
        ? { moved: false, reports: 0, days: 0 }
        : await inTransaction(runner, async () => {
            await runner.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
            return move(runner, foundation);
          });
      await createPoliciesSafely(runner.dataSource, config);
      return { ...moved, refreshed: await refreshWhatIsStale(runner) };
    });
  };
  return withMigrationLock(config, url, work, wait);
}

/** @throws DomainError `BAD_CONFIGURATION` when the database has pending migrations. */
async function refusePending(runner: QueryRunner, foundation: Foundation): Promise<void> {
  const { steps, definitions } = await findPending(runner.dataSource, runner, foundation);
  if (steps.length === 0 && !definitions) return;
  const { version } = await readVersion(runner);
  throw new DomainError(
    'BAD_CONFIGURATION',
    `The schema of this database is at version ${version}, and this program is ${PROGRAM_VERSION}: nothing was moved. ` +
      'Run: tracker migrate, and then move-engine again',
  );
}

/** Runs `work` on a new session: the one that holds the lock may have started before the extension was installed. */
async function withRunner<T>(
  config: AppConfig,
  url: string,
  work: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const dataSource = await createMigrationDataSource(config, url, dedicatedSession()).initialize();
  const runner = dataSource.createQueryRunner();
  try {
    await runner.connect();
    return await work(runner);
  } finally {
    await runner.release();
    await dataSource.destroy();
  }
}

/** Replaces the relations of one engine with those of the other, using the same steps and definitions. */
async function move(runner: QueryRunner, from: Foundation): Promise<Omit<MoveReport, 'refreshed'>> {
  const to: Foundation = { ...from, engine: 'timescaledb' };
  await runner.query('LOCK TABLE location_reports IN ACCESS EXCLUSIVE MODE');
  const columns = {
    reports: await columnsOf(runner, 'location_reports'),
    days: await columnsOf(runner, 'location_history_days'),
  };
  await runner.query('CREATE TEMPORARY TABLE moved_reports ON COMMIT DROP AS TABLE location_reports');
  await runner.query(
    `CREATE TEMPORARY TABLE moved_days ON COMMIT DROP AS
     SELECT ${columns.days} FROM location_history_days WHERE bucket < history_horizon()`,
  );

  await dropDefinitions(runner, definitionFiles(from));
  await runner.query('DROP TABLE location_reports, location_history_rollups');
  await dropDefinitions(
    runner,
    definitionFiles(from).filter((file) => file.startsWith('definitions/postgresql/')),
  );

  await runner.query(`UPDATE history_state SET engine = 'timescaledb'`);
  for (const step of runner.dataSource.migrations.filter((migration) => migration instanceof Step)) {
    await step.createRelations(runner, to);
  }
  await applyDefinitions(runner, to);
  await dropSuperseded(runner);

  // Reports keep their imprecise flag: see flag_imprecise_report().
  await runner.query(`SELECT set_config('tracker.imprecise_above', 'infinity', true)`);
  await runner.query(
    `INSERT INTO location_reports (${columns.reports})
     SELECT ${columns.reports} FROM moved_reports ORDER BY hashed_adv_key, timestamp`,
  );
  // Never into the continuous aggregate: a refresh that covers them would delete them.
  await runner.query(
    `INSERT INTO location_history_daily_late (${columns.days}) SELECT ${columns.days} FROM moved_days`,
  );
  // The materialized view was created before there were any rows.
  await runner.query(
    'UPDATE refresh_state SET changes = changes + 1, behind_since = coalesce(behind_since, now())',
  );
  const [counts] = (await runner.query(
    `SELECT (SELECT count(*)::int FROM moved_reports) AS reports, (SELECT count(*)::int FROM moved_days) AS days`,
  )) as [{ reports: number; days: number }];
  return { moved: true, ...counts };
}

/** Column names of a relation, for a statement. */
async function columnsOf(runner: QueryRunner, relation: string): Promise<string> {
  const [{ columns }] = (await runner.query(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
    [relation],
  )) as [{ columns: string }];
  return columns;
}

/**
 * Refreshes the aggregates and the materialized view if they are stale. Outside the transaction, because a continuous
 * aggregate cannot be refreshed in one.
 */
async function refreshWhatIsStale(runner: QueryRunner): Promise<boolean> {
  // Read before the refresh, stored after it: a change in between leaves the view stale.
  const [state] = (await runner.query(
    `SELECT changes, changes > refreshed OR markers IS NOT NULL AS stale, coalesce(markers, '{}') AS markers
     FROM refresh_state, (SELECT array_agg(id) AS markers FROM refresh_markers) AS waiting`,
  )) as [{ changes: string; stale: boolean; markers: string[] }];
  if (!state.stale) return false;
  try {
    for (const relation of ['location_history_hourly', 'location_history_daily']) {
      // Retried: the new policies may be refreshing the same window.
      await retryTransient(() => refreshAggregate(runner, relation, ['history_horizon()', 'NULL']));
    }
    await runner.query('REFRESH MATERIALIZED VIEW location_history');
  } catch (error) {
    throw new DomainError(
      'UNAVAILABLE',
      'This database is on the timescaledb engine now, but its history could not be refreshed ' +
        `(${error instanceof Error ? error.message : String(error)}). ` +
        'Run move-engine again, or start the service: either refreshes it',
      { cause: error },
    );
  }
  await runner.query(
    `WITH done AS (DELETE FROM refresh_markers WHERE id = ANY ($2::bigint[]))
     UPDATE refresh_state SET refreshed = greatest(refreshed, $1), view_refreshed_at = now(), aggregated_at = now(),
       behind_since = CASE WHEN changes > $1 THEN behind_since END`,
    [state.changes, state.markers],
  );
  return true;
}
