import type { DataSource } from 'typeorm';
import type { AppConfig } from '../config/app-config.js';
import { refreshAggregate } from './refresh-aggregate.js';
import { retryTransient } from './retry.js';
import { inTransaction } from './transactions.js';

/** Changes are logged up to this many days after now; the log is extended when fewer than MIN_LEAD_DAYS are left. */
const LEAD_DAYS = 60;
const MIN_LEAD_DAYS = 30;
/** How long to wait for writers before the next attempt. */
const LOCK_TIMEOUT = '2s';

/**
 * Ensures that TimescaleDB logs every change of a report, so that no refresh misses one: see `changes_logged_before()`.
 * Call it before every refresh; nearly always it is a single query.
 *
 * Refreshing an hour far in the future extends the log. That is safe while no report can have a time in between;
 * otherwise (in a new database, or after more than a month without a refresh) writers are locked out meanwhile.
 *
 * @throws 55P03 when writers are busy or another process does the same: retry.
 */
export async function ensureChangesLogged(db: DataSource): Promise<void> {
  const [{ isDue, isAhead }] = await db.query<[{ isDue: boolean; isAhead: boolean }]>(
    `SELECT logged < now() + make_interval(days => ${MIN_LEAD_DAYS}) AS "isDue",
       logged > now() + interval '1 hour' AS "isAhead" -- reports may be up to ten minutes in the future
     FROM changes_logged_before() AS logged`,
  );
  if (!isDue) return;
  if (isAhead) await extendLog(db);
  else await whileWritersWait(db, () => extendLog(db));
}

/** Creates the documented refresh policies if they do not exist, once changes are logged. */
export async function createPoliciesSafely(db: DataSource, config: AppConfig): Promise<void> {
  await retryTransient(() => ensureChangesLogged(db));
  await db.query(
    `SELECT set_refresh_windows($1, $2) WHERE NOT EXISTS (
       SELECT FROM timescaledb_information.jobs WHERE proc_name = 'policy_refresh_continuous_aggregate')`,
    [config.HOURLY_REFRESH_WINDOW_HOURS, config.DAILY_REFRESH_WINDOW_HOURS],
  );
}

async function extendLog(db: DataSource): Promise<void> {
  const [{ hour }] = await db.query<[{ hour: Date }]>(
    `SELECT date_trunc('hour', now() + make_interval(days => ${LEAD_DAYS}), 'UTC') AS hour`,
  );
  await refreshAggregate(
    db,
    'location_history_hourly',
    ['$1::timestamptz', `$1::timestamptz + interval '1 hour'`],
    [hour.toISOString()],
  );
}

/**
 * Runs `work` while nobody can write reports. A separate session holds the lock, because a refresh commits and would
 * release it.
 */
async function whileWritersWait(db: DataSource, work: () => Promise<void>): Promise<void> {
  const session = db.createQueryRunner();
  try {
    await session.connect();
    await inTransaction(session, async () => {
      await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      await session.query('LOCK TABLE location_reports IN SHARE MODE');
      await work();
    });
  } finally {
    await session.release();
  }
}
