import { DomainError } from '../common/errors/domain-error.js';
import { databaseErrorCode, SQLSTATE } from '../common/errors/pg-errors.js';
import { queryWithTimeout, type Session } from '../database/session.js';

/** Arbitrary fixed numbers. Without the lock, two migrations at once would both run the same pending step. */
export const MIGRATION_LOCK = 7_238_101;
export const MIGRATION_SESSION_LOCK = 7_238_102;

/** Name of a migration's sessions in pg_stat_activity. */
export const MIGRATION_NAME = 'tracker-location-history migrate';

/** How long to wait for another migration, and how to report it. */
export interface LockWait {
  /** By default a minute; 0: do not wait. */
  seconds?: number | undefined;
  /** Called with a line about each migration that it waits for. */
  progress?: ((line: string) => void) | undefined;
}

export const DEFAULT_WAIT_SECONDS = 60;
/** Shorter waits are not reported. */
const SILENT_MS = 5_000;
/** A migration that has run no statement for this long is not active. */
const IDLE = '5 seconds';

interface Holder {
  pid: number;
  description: string;
  /** Whether the server hides its activity, because it belongs to another role. */
  isHidden: boolean;
  /** Whether a migration is active under the lock. */
  isActive: boolean;
}

/**
 * Acquires one of the locks, until the session ends.
 *
 * @throws DomainError `CONFLICT` that names the holder.
 */
export async function takeMigrationLock(
  session: Session,
  lock: number,
  { seconds = DEFAULT_WAIT_SECONDS, progress = () => undefined }: LockWait,
): Promise<void> {
  const [{ pid }] = (await session.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
  const timer = setTimeout(() => {
    findHolder(session, lock, pid).then(
      (holder) => holder && progress(`waiting for another migration: ${holder.description}`),
      () => undefined, // a broken connection makes the wait itself fail
    );
  }, SILENT_MS);
  try {
    const timeoutMs = Math.max(1, seconds * 1000); // 0 would mean no timeout
    await session.query(`SELECT set_config('lock_timeout', $1, false)`, [String(timeoutMs)]);
    await session.query('SELECT pg_advisory_lock($1)', [lock]);
    await session.query(`SELECT set_config('lock_timeout', '0', false)`);
  } catch (error) {
    if (databaseErrorCode(error) !== SQLSTATE.lockNotAvailable) throw error;
    throw conflict(await findHolder(session, lock, pid), seconds, error);
  } finally {
    clearTimeout(timer);
  }
}

function conflict(holder: Holder | null, seconds: number, cause: unknown): DomainError {
  const who = holder?.description ?? 'a session that has ended meanwhile';
  const again = 'Run it again when that has ended, or wait longer: --wait <seconds>';
  const advice =
    holder === null || (holder.isActive && !holder.isHidden)
      ? again
      : holder.isHidden
        ? `${again}. If it is not a migration, end it as an administrator: SELECT pg_terminate_backend(${holder.pid})`
        : 'No migration is active there: a pooler may have kept the lock of one that has ended. ' +
          `End that session, and run it again: SELECT pg_terminate_backend(${holder.pid})`;
  return new DomainError(
    'CONFLICT',
    `Waited ${seconds} s for the migration lock of this database, which is held by ${who}. ${advice}`,
    { cause },
  );
}

/** @param waiter process id of the waiting session. */
async function findHolder(session: Session, lock: number, waiter: number): Promise<Holder | null> {
  const [holder] = await queryWithTimeout<Holder[]>(
    session.dataSource,
    `WITH locks AS (
       SELECT l.pid, l.granted, l.objid FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
       WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = 0 AND l.objsubid = 1
         AND l.objid IN (${MIGRATION_LOCK}, ${MIGRATION_SESSION_LOCK})
     )
     SELECT a.pid, CASE WHEN a.backend_start IS NULL
         THEN format('process %s (user %s; the rest is hidden from this role)', a.pid, a.usename)
         ELSE format('process %s (%s, user %s, client %s, session since %s, %s since %s)', a.pid,
           coalesce(nullif(a.application_name, ''), 'no application_name'), a.usename, coalesce(host(a.client_addr), 'local'),
           to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), coalesce(a.state, 'unknown state'),
           to_char(a.state_change AT TIME ZONE 'UTC', 'HH24:MI:SS "UTC"')) END AS description,
       a.backend_start IS NULL AS "isHidden",
       EXISTS (
         SELECT FROM pg_stat_activity AS w
         WHERE w.datname = current_database() AND w.pid NOT IN (pg_backend_pid(), $2)
           AND (w.application_name = '${MIGRATION_NAME}' OR w.pid IN (SELECT pid FROM locks WHERE granted))
           AND w.pid NOT IN (SELECT pid FROM locks WHERE NOT granted)
           AND (w.state IS DISTINCT FROM 'idle' OR w.state_change > clock_timestamp() - interval '${IDLE}')
       ) AS "isActive"
     FROM locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE l.granted AND l.objid = $1`,
    [lock, waiter],
  );
  return holder ?? null;
}
