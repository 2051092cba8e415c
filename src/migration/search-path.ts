import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../common/errors/domain-error.js';
import type { Foundation, SqlRunner } from '../database/server-capabilities.js';

/** Whether statements need functions of the schema tracker_compat. */
function needsCompatSchema({ engine, spatialLayer }: Foundation): boolean {
  return engine === 'postgresql' || spatialLayer === 'builtin';
}

/** Adds tracker_compat to the search_path of the database; a dump that was restored without --create lost it. */
export async function setSearchPath(session: SqlRunner): Promise<void> {
  await session.query(`
    DO $$ BEGIN
      IF NOT 'tracker_compat' = ANY (current_schemas(false)) THEN
        EXECUTE format('ALTER DATABASE %I SET search_path = %s, tracker_compat',
          current_database(), current_setting('search_path'));
      END IF;
    END $$`);
}

/**
 * Rejects a role whose own search_path overrides the one that migrate sets for the database: the product would not find
 * its schema.
 *
 * @throws DomainError `BAD_CONFIGURATION` with the statement to run.
 */
export async function refuseHidingSearchPath(session: SqlRunner, foundation: Foundation): Promise<void> {
  if (!needsCompatSchema(foundation)) return;
  const [override] = (await session.query(
    `SELECT quote_ident(session_user) AS role, substr(setting, 13) AS path,
       CASE WHEN s.setdatabase = 0 THEN '' ELSE ' IN DATABASE ' || quote_ident(current_database()) END AS scope
     FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS setting
     WHERE s.setrole = session_user::regrole AND setting LIKE 'search_path=%'
       AND (s.setdatabase = 0 OR s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
     ORDER BY s.setdatabase DESC LIMIT 1`,
  )) as { role: string; path: string; scope: string }[];
  if (!override || /(^|[\s,"])tracker_compat($|[\s,"])/.test(override.path)) return;
  throw new DomainError(
    'BAD_CONFIGURATION',
    `The role ${override.role} has a search_path of its own (${override.path}), which hides the schema tracker_compat. ` +
      `Run: ALTER ROLE ${override.role}${override.scope} SET search_path = ${override.path}, tracker_compat`,
  );
}

/** How often to make a pooler open new sessions, and how long to wait for that. */
const TRIES = 20;
const PAUSE_MS = 100;

/**
 * Checks that tracker_compat is on the search_path; without it half of the statements fail. Ends sessions of a pooler
 * that started before migrate set the search_path.
 *
 * @throws DomainError `BAD_CONFIGURATION` that names the cause.
 */
export async function requireCompatSchema(db: SqlRunner, foundation: Foundation): Promise<void> {
  if (!needsCompatSchema(foundation)) return;
  for (let i = 0; i < TRIES; i++) {
    const { found, isSet } = await findCompatSchema(db);
    if (found) return;
    await refuseHidingSearchPath(db, foundation);
    if (!isSet) {
      throw new DomainError(
        'BAD_CONFIGURATION',
        "The schema tracker_compat is not on the search_path: a restored dump lacks the database's settings. " +
          'Run: tracker migrate (and where the role has a search_path of its own, add tracker_compat to it)',
      );
    }
    await endOutdatedSessions(db);
    await sleep(PAUSE_MS);
  }
  throw new DomainError(
    'BAD_CONFIGURATION',
    'The schema tracker_compat is not on the search_path of this session, which is older than the last migrate: ' +
      'a pooler has kept it. Have the pooler reconnect (pgbouncer: RECONNECT), or restart it',
  );
}

async function findCompatSchema(db: SqlRunner): Promise<{ found: boolean; isSet: boolean }> {
  const [state] = (await db.query(
    `SELECT 'tracker_compat' = ANY (current_schemas(false)) AS found,
       EXISTS (SELECT FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase,
           unnest(s.setconfig) AS setting
         WHERE d.datname = current_database() AND s.setrole = 0 AND setting LIKE 'search_path=%tracker_compat%') AS "isSet"`,
  )) as [{ found: boolean; isSet: boolean }];
  return state;
}

/**
 * Ends this session, which started before migrate set the search_path, and idle sessions that are as old and have the
 * same client address, that of the pooler. Sessions that are active or hold an advisory lock continue.
 */
async function endOutdatedSessions(db: SqlRunner): Promise<void> {
  await db
    .query(
      `SELECT pg_terminate_backend(other.pid) FROM pg_stat_activity AS this JOIN pg_stat_activity AS other
         ON other.datid = this.datid AND other.usesysid = this.usesysid AND other.backend_start <= this.backend_start
         AND other.client_addr IS NOT DISTINCT FROM this.client_addr
       WHERE this.pid = pg_backend_pid() AND (other.state = 'idle' OR other.pid = this.pid)
         AND NOT EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = other.pid AND l.locktype = 'advisory')`,
    )
    .catch(() => undefined); // fails because this session ended itself
}
