import type { DataSource } from 'typeorm';
import type { AppConfig } from '../config/app-config.js';
import { refreshAggregate } from './refresh-aggregate.js';
import { retryTransient } from './retry.js';
import { inTransaction } from './transactions.js';

/** How far ahead of now changes are logged, in days, and when that is seen to again. */
const LEAD_DAYS = 60;
const LEAST_LEAD_DAYS = 30;
/** How long writers may keep the table busy before it is tried again. */
const LOCK_TIMEOUT = '2s';

/**
 * Sees to it that TimescaleDB logs every change of a report, so that no refresh can miss one: see
 * `changes_logged_before()`. To be called before every refresh; one look-up, nearly always.
 *
 * The log is made to reach further by a refresh of an hour that is far ahead. That is safe by itself as long as no report
 * can be in between; in a new database, and after more than a month without any refresh, writers are kept out meanwhile.
 *
 * @throws 55P03 where writers are busy, or another process is at the same: try again.
 */
export async function ensureChangesLogged(db: DataSource): Promise<void> {
  const [{ isDue, isAhead }] = await db.query<[{ isDue: boolean; isAhead: boolean }]>(
    `SELECT logged < now() + make_interval(days => ${LEAST_LEAD_DAYS}) AS "isDue",
       logged > now() + interval '1 hour' AS "isAhead" -- reports may lie ten minutes in the future
     FROM changes_logged_before() AS logged`,
  );
  if (!isDue) return;
  if (isAhead) await reachAhead(db);
  else await withoutWriters(db, () => reachAhead(db));
}

/** Has the documented policies refresh aggregates, where they do not yet; not before that is safe. */
export async function createPoliciesSafely(db: DataSource, config: AppConfig): Promise<void> {
  await retryTransient(() => ensureChangesLogged(db));
  await db.query(
    `SELECT set_refresh_windows($1, $2) WHERE NOT EXISTS (
       SELECT FROM timescaledb_information.jobs WHERE proc_name = 'policy_refresh_continuous_aggregate')`,
    [config.HOURLY_REFRESH_WINDOW_HOURS, config.DAILY_REFRESH_WINDOW_HOURS],
  );
}

async function reachAhead(db: DataSource): Promise<void> {
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

/** Works while nobody writes reports. On a session of its own: a refresh commits, and would let go of the lock. */
async function withoutWriters(db: DataSource, work: () => Promise<void>): Promise<void> {
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
