import { describeMoment } from '../common/describe-moment.js';
import type { SqlRunner } from './server-capabilities.js';

/** A transaction of another session, or a prepared one; this role may not see every field. */
export interface OtherTransaction {
  /** Unique, also among transactions of the same session. */
  id: string;
  /** Process id; null for a prepared transaction. */
  pid: number | null;
  /** Name of a prepared transaction; null for any other. */
  gid: string | null;
  user: string | null;
  /** Name of the application, or the type of the process. */
  name: string | null;
  /** E.g. `idle in transaction`. */
  state: string | null;
  /** When it started. */
  since: Date | null;
  /** By the server's clock. */
  ageSeconds: number | null;
  /** Start of its last statement. */
  query: string | null;
  /** Whether pg_stat_activity hides all but process and user, as for sessions of other roles. */
  isHidden: boolean;
}

/** A long-running transaction, and what it blocks. */
export interface LongTransaction extends OtherTransaction {
  /** Relations of the product that it has locked. */
  relations: string[] | null;
  /** Whether it holds stronger locks than a reader does. */
  writes: boolean;
  /** Whether VACUUM has to keep dead rows because of it. */
  holdsBackVacuum: boolean;
}

/** Shown characters of a statement. */
const SHOWN_QUERY = 60;
/** Maximum number of transactions in one message. */
const SHOWN_TRANSACTIONS = 3;
/** How far a queue of waiting sessions is followed. */
const MAX_DEPTH = 5;

const HIDDEN = "'<insufficient privilege>'";
const SESSION = `a.pid, NULL::text AS gid, a.usename::text AS "user",
  coalesce(nullif(a.application_name, ''), a.backend_type) AS name, a.state, a.xact_start AS since,
  extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS "ageSeconds",
  CASE WHEN a.query <> ${HIDDEN} THEN left(regexp_replace(a.query, '\\s+', ' ', 'g'), ${SHOWN_QUERY}) END AS query,
  a.query IS NOT DISTINCT FROM ${HIDDEN} AS "isHidden"`;
const PREPARED = `NULL::integer AS pid, p.gid, p.owner::text AS "user", NULL::text AS name, 'prepared' AS state,
  p.prepared AS since, extract(epoch FROM clock_timestamp() - p.prepared)::float8 AS "ageSeconds", NULL::text AS query, false AS "isHidden"`;
/** Prepared transactions, with the virtual transaction id of their locks, which have no process. */
const PREPARED_LOCKS = `pg_prepared_xacts AS p JOIN pg_locks AS own
  ON own.pid IS NULL AND own.locktype = 'transactionid' AND own.transactionid = p.transaction`;
const PREPARED_ID = 'own.virtualtransaction';
const SAME_DATABASE = '(SELECT oid FROM pg_database WHERE datname = current_database())';

const BLOCKERS = `
  WITH RECURSIVE queue (pid, depth) AS (
    SELECT unnest(pg_blocking_pids($1::integer)), 1
    UNION SELECT unnest(pg_blocking_pids(q.pid)), q.depth + 1 FROM queue AS q WHERE q.depth < ${MAX_DEPTH}
  ), waiting (pid) AS (
    SELECT $1::integer UNION SELECT q.pid FROM queue AS q WHERE cardinality(pg_blocking_pids(q.pid)) > 0
  )
  SELECT concat_ws(' ', a.pid, a.xact_start) AS id, ${SESSION} FROM pg_stat_activity AS a
  WHERE a.pid IN (SELECT q.pid FROM queue AS q) AND a.pid NOT IN (SELECT w.pid FROM waiting AS w)
  UNION ALL
  SELECT ${PREPARED_ID}, ${PREPARED} FROM ${PREPARED_LOCKS}
  WHERE ${PREPARED_ID} IN (
    SELECT held.virtualtransaction FROM pg_locks AS wanted JOIN pg_locks AS held ON held.granted AND held.pid IS NULL
      AND (held.locktype, held.database, held.relation, held.page, held.tuple, held.transactionid, held.classid, held.objid, held.objsubid)
        IS NOT DISTINCT FROM (wanted.locktype, wanted.database, wanted.relation, wanted.page, wanted.tuple,
          wanted.transactionid, wanted.classid, wanted.objid, wanted.objsubid)
    WHERE NOT wanted.granted AND wanted.pid IN (SELECT w.pid FROM waiting AS w))
  ORDER BY since`;

const holders = (wanted: string): string => `
  WITH held AS (
    SELECT l.pid, min(l.virtualtransaction) AS id FROM pg_locks AS l JOIN (${wanted}) AS w ON l.relation = w.relation
    WHERE l.granted AND l.locktype = 'relation' AND l.database = ${SAME_DATABASE}
      AND (w.readers_too OR l.mode NOT IN ('AccessShareLock', 'RowShareLock'))
    GROUP BY l.pid, CASE WHEN l.pid IS NULL THEN l.virtualtransaction END
  )
  SELECT h.id, ${SESSION} FROM held AS h JOIN pg_stat_activity AS a USING (pid)
  WHERE a.pid <> pg_backend_pid() AND coalesce(a.xact_start < clock_timestamp() - make_interval(secs => $1), true)
  UNION ALL
  SELECT h.id, ${PREPARED} FROM ${PREPARED_LOCKS} JOIN held AS h ON h.pid IS NULL AND h.id = ${PREPARED_ID}
  ORDER BY since`;

const HOLDERS = holders(
  'SELECT to_regclass(name)::oid AS relation, true AS readers_too FROM unnest($2::text[]) AS name',
);
const DAY_HOLDERS = holders('SELECT relation::oid, readers_too FROM closing_needs()');

/** Without background processes: they end by themselves, or the server cancels them. */
const LONG = `
  SELECT coalesce(held.id, concat_ws(' ', a.pid, a.xact_start)) AS id, ${SESSION}, held.relations,
    coalesce(held.writes, false) AS writes, a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL AS "holdsBackVacuum"
  FROM pg_stat_activity AS a LEFT JOIN LATERAL (
    SELECT min(l.virtualtransaction) AS id, array_agg(DISTINCT c.relname::text) AS relations,
      bool_or(l.mode NOT IN ('AccessShareLock', 'RowShareLock')) AS writes
    FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND l.database = ${SAME_DATABASE}
      AND c.relkind IN ('r', 'p', 'm') AND (n.nspname = '_timescaledb_internal'
        OR n.oid = (SELECT r.relnamespace FROM pg_class AS r WHERE r.oid = 'location_reports'::regclass))
  ) AS held ON true
  WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.usesysid IS NOT NULL
    AND CASE WHEN a.query IS NOT DISTINCT FROM ${HIDDEN} THEN held.relations IS NOT NULL
      ELSE a.backend_type = 'client backend' AND a.xact_start < clock_timestamp() - make_interval(secs => $1)
        AND (held.relations IS NOT NULL OR a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
        AND NOT (a.state = 'active' AND a.application_name LIKE 'tracker-location-history%') END
  UNION ALL
  SELECT ${PREPARED_ID}, ${PREPARED}, NULL, true, true FROM ${PREPARED_LOCKS}
  WHERE p.database = current_database() AND p.prepared < clock_timestamp() - make_interval(secs => $1)
  ORDER BY since`;

/**
 * The transactions that block a session now: those at the head of the queue, if other sessions are waiting before it.
 *
 * @param pid process id of the session, which must not be the one that runs the query.
 */
export async function findBlockers(on: SqlRunner, pid: number): Promise<OtherTransaction[]> {
  return (await on.query(BLOCKERS, [pid])) as OtherTransaction[];
}

/** The transactions that hold locks on these relations and are older than `olderThanS` seconds. Does not wait. */
export async function findLockHolders(
  on: SqlRunner,
  relations: readonly string[],
  olderThanS: number,
): Promise<OtherTransaction[]> {
  return (await on.query(HOLDERS, [olderThanS, relations])) as OtherTransaction[];
}

/** The transactions that closing the oldest open day would have to wait for. Does not wait. */
export async function findDayLockHolders(on: SqlRunner, olderThanS = 0): Promise<OtherTransaction[]> {
  return (await on.query(DAY_HOLDERS, [olderThanS])) as OtherTransaction[];
}

/**
 * Transactions of this database that have been open for `seconds`, and lock relations of the product or hold up VACUUM.
 * For other roles the age is hidden: their transactions are included if they lock relations.
 */
export async function findLongTransactions(on: SqlRunner, seconds: number): Promise<LongTransaction[]> {
  return (await on.query(LONG, [seconds])) as LongTransaction[];
}

/** Whether the session belongs to the product, by its application name. */
export function isOurSession({ name }: OtherTransaction): boolean {
  return name?.startsWith('tracker-location-history') ?? false;
}

/** Describes a transaction for people. */
export function describeTransaction(
  { pid, gid, user, name, state, since, query, isHidden }: OtherTransaction,
  withQuery = true,
): string {
  const began = since === null ? [] : [`open since ${describeMoment(since)}`];
  if (gid !== null)
    return `the prepared transaction '${gid}' (${[`user ${user ?? '?'}`, ...began].join(', ')})`;
  const facts = [`process ${pid ?? '?'}`, ...(user === null ? [] : [`user ${user}`])];
  if (isHidden) return `a session (${[...facts, 'the rest is hidden from this role'].join(', ')})`;
  if (state !== null) facts.push(state);
  const shown = withQuery && query !== null && query !== '' ? `: ${query}` : '';
  return `${name ?? 'a session'} (${[...facts, ...began].join(', ')})${shown}`;
}

/** Describes the oldest transactions for people, in one line; empty if there are none. */
export function describeTransactions(transactions: readonly OtherTransaction[], withQuery = true): string {
  return transactions
    .slice(0, SHOWN_TRANSACTIONS)
    .map((one) => describeTransaction(one, withQuery))
    .join('; ');
}

/** The SQL statement that terminates a transaction. */
export function terminationStatement({ pid, gid }: OtherTransaction): string {
  return gid === null
    ? `SELECT pg_terminate_backend(${pid ?? 0})`
    : `ROLLBACK PREPARED '${gid.replaceAll("'", "''")}'`;
}
