import type pg from 'pg';
import { describeAddress } from '../config/database-url.js';
import { DomainError } from '../common/errors/domain-error.js';
import { HeardClient } from './heard-client.js';
import { databaseErrorCode, SQLSTATE, toDomainError } from '../common/errors/pg-errors.js';

/** What stands between us and the server, by what it does with our sessions. */
export type Pooling =
  /** Nothing, or what only passes bytes on. */
  | 'none'
  /** A client keeps its session of the server until it goes. */
  | 'session'
  /** A session is given to another client after every transaction. */
  | 'transaction'
  /** After every statement: there are no transactions. */
  | 'statement';

const CONNECT_TIMEOUT_MS = 10_000;
/** Several, because others use the pool meanwhile, and may get the session that would have told us. */
const ROUNDS = 5;

/**
 * Finds out what stands before the server of an address. A pooler announces a process id of its own making instead of
 * the server's; and one that does not keep sessions gives one of ours to the other.
 *
 * @throws the driver's error where it cannot be connected to; NoSecondSessionError where it gives only one session in time.
 */
export async function detectPooling(url: string): Promise<Pooling> {
  const clients = [0, 1].map(
    () =>
      new HeardClient({
        connectionString: url,
        application_name: 'tracker-location-history start',
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        query_timeout: CONNECT_TIMEOUT_MS,
      }),
  ) as [HeardClient, HeardClient];
  try {
    const [first, second] = clients;
    await first.connect();
    const pid = await backendOf(first);
    if (pid === first.announcedPid) return 'none';
    if (!(await canBegin(first))) return 'statement';
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

/** A pooler gives no second session. */
class NoSecondSessionError extends Error {
  constructor(cause: unknown) {
    super('the pooler gives no second session', { cause });
  }
}

/** Each in turn holds a session in a transaction while the other asks for one. */
async function comparePids(first: pg.Client, second: pg.Client): Promise<'session' | 'transaction'> {
  const seen = new Map<number, pg.Client>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const client of [first, second]) {
      await client.query('BEGIN');
      const pid = await backendOf(client);
      await client.query('COMMIT');
      const owner = seen.get(pid) ?? client;
      seen.set(pid, client);
      if (owner !== client || seen.size > 2) return 'transaction';
    }
  }
  return 'session';
}

async function backendOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return (rows[0] as { pid: number }).pid;
}

/** pgbouncer refuses BEGIN in statement mode, and ends the connection. */
async function canBegin(client: pg.Client): Promise<boolean> {
  try {
    await client.query('BEGIN');
    const pid = await backendOf(client);
    const isOne = (await backendOf(client)) === pid;
    await client.query('COMMIT');
    return isOne;
  } catch (error) {
    if (/transaction blocks not allowed/i.test(String(error))) return false;
    throw error;
  }
}

/**
 * Sees to it that an address keeps a session for whoever has it.
 *
 * @param variable that gave the address.
 * @throws DomainError `BAD_CONFIGURATION` that names the pooler and says what to set.
 */
export async function requireSession(url: string, variable: string): Promise<void> {
  const pooling = await asking(url, variable);
  if (pooling === 'statement') throw statementPooler(url, variable);
  if (pooling !== 'transaction') return;
  throw new DomainError(
    'BAD_CONFIGURATION',
    `${variable} (${describeAddress(url)}) is a pooler in transaction mode, which loses locks and LISTEN: ` +
      "set DATABASE_DIRECT_URL to the server's own address, or to a pooler in session mode",
  );
}

/** @throws DomainError `BAD_CONFIGURATION` where an address cannot do transactions. */
export async function requireTransactions(url: string, variable: string): Promise<void> {
  if ((await asking(url, variable)) === 'statement') throw statementPooler(url, variable);
}

async function asking(url: string, variable: string): Promise<Pooling> {
  try {
    return await detectPooling(url);
  } catch (error) {
    if (!(error instanceof NoSecondSessionError)) throw unreachable(variable, error);
    throw new DomainError(
      'UNAVAILABLE',
      `${variable} (${describeAddress(url)}) is a pooler that gives one session, and no second one within ` +
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

/** Says why an address cannot be connected to: in the driver's words, which never have the password. */
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
