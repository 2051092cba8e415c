import type pg from 'pg';
import { describeAddress } from '../config/database-url.js';
import { DomainError } from '../common/errors/domain-error.js';
import { CrashSafeClient } from './crash-safe-client.js';
import { databaseErrorCode, SQLSTATE, toDomainError } from '../common/errors/pg-errors.js';

/** Pooling mode of an address. */
export type Pooling =
  /** No pooler, or a proxy that only forwards bytes. */
  | 'none'
  /** A client keeps its server session until it disconnects. */
  | 'session'
  /** Sessions change clients after every transaction. */
  | 'transaction'
  /** Sessions change clients after every statement: there are no transactions. */
  | 'statement';

const CONNECT_TIMEOUT_MS = 10_000;
/** Several, because in one round another client of the pooler may get the session that would show the mode. */
const ROUNDS = 5;

/**
 * Detects a pooler and its mode. A pooler announces an invented process id instead of the server's; one that does not
 * keep sessions passes the session of one client on to another.
 *
 * @throws the driver's error when the address cannot be reached; NoSecondSessionError when the pooler provides only one
 * session.
 */
export async function detectPooling(url: string): Promise<Pooling> {
  const clients = [0, 1].map(
    () =>
      new CrashSafeClient({
        connectionString: url,
        application_name: 'tracker-location-history start',
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        query_timeout: CONNECT_TIMEOUT_MS,
      }),
  ) as [CrashSafeClient, CrashSafeClient];
  try {
    const [first, second] = clients;
    await first.connect();
    const pid = await backendPid(first);
    if (pid === first.announcedPid) return 'none';
    if (!(await supportsTransactions(first))) return 'statement';
    try {
      await second.connect();
    } catch (error) {
      throw new NoSecondSessionError(error);
    }
    return await comparePids(first, second);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
}

/** The pooler provides no second session. */
class NoSecondSessionError extends Error {
  constructor(cause: unknown) {
    super('the pooler provides no second session', { cause });
  }
}

/** The two clients run transactions in turn, to see whether they get each other's session. */
async function comparePids(first: pg.Client, second: pg.Client): Promise<'session' | 'transaction'> {
  const seen = new Map<number, pg.Client>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const client of [first, second]) {
      await client.query('BEGIN');
      const pid = await backendPid(client);
      await client.query('COMMIT');
      const owner = seen.get(pid) ?? client;
      seen.set(pid, client);
      if (owner !== client || seen.size > 2) return 'transaction';
    }
  }
  return 'session';
}

async function backendPid(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return (rows[0] as { pid: number }).pid;
}

/** pgbouncer refuses BEGIN in statement mode, and ends the connection. */
async function supportsTransactions(client: pg.Client): Promise<boolean> {
  try {
    await client.query('BEGIN');
    const pid = await backendPid(client);
    const isSameSession = (await backendPid(client)) === pid;
    await client.query('COMMIT');
    return isSameSession;
  } catch (error) {
    if (/transaction blocks not allowed/i.test(String(error))) return false;
    throw error;
  }
}

/**
 * Checks that an address keeps the session of a client.
 *
 * @param variable name of the variable with the address, for messages.
 * @throws DomainError `BAD_CONFIGURATION` that names the pooler and says what to set.
 */
export async function requireSession(url: string, variable: string): Promise<void> {
  const pooling = await detectOrExplain(url, variable);
  if (pooling === 'statement') throw statementPooler(url, variable);
  if (pooling !== 'transaction') return;
  throw new DomainError(
    'BAD_CONFIGURATION',
    `${variable} (${describeAddress(url)}) is a pooler in transaction mode, which loses locks and LISTEN: ` +
      "set DATABASE_DIRECT_URL to the server's own address, or to a pooler in session mode",
  );
}

/** @throws DomainError `BAD_CONFIGURATION` when an address does not support transactions. */
export async function requireTransactions(url: string, variable: string): Promise<void> {
  if ((await detectOrExplain(url, variable)) === 'statement') throw statementPooler(url, variable);
}

async function detectOrExplain(url: string, variable: string): Promise<Pooling> {
  try {
    return await detectPooling(url);
  } catch (error) {
    if (!(error instanceof NoSecondSessionError)) throw unreachable(variable, error);
    throw new DomainError(
      'UNAVAILABLE',
      `${variable} (${describeAddress(url)}) is a pooler that provides one session, and no second one within ` +
        `${CONNECT_TIMEOUT_MS / 1000} s: raise its pool size to the connections that all processes need (see docs/connections.md)`,
      { cause: error.cause },
    );
  }
}

function statementPooler(url: string, variable: string): DomainError {
  return new DomainError(
    'BAD_CONFIGURATION',
    `${variable} (${describeAddress(url)}) is a pooler in statement mode, where there are no transactions: ` +
      'set its pool_mode to transaction or session',
  );
}

/** Explains why an address cannot be reached, in the driver's words, which never contain the password. */
export function unreachable(variable: string, error: unknown): DomainError {
  const known = databaseErrorCode(error) === SQLSTATE.tooManyConnections ? toDomainError(error) : null;
  if (known instanceof DomainError) return known; // the address is right
  // A name with several addresses fails with several errors.
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const reasons = errors.map((one) => (one instanceof Error ? one.message : String(one)));
  return new DomainError('UNAVAILABLE', `${variable} cannot be connected to: ${reasons.join(', ')}`, {
    cause: error,
  });
}
