import { Logger } from '@nestjs/common';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { blockersOf, describeTransactions, type OtherTransaction } from './other-transactions.js';
import type { SqlRunner } from './server-capabilities.js';

/** How often a transaction that is under way is looked at. */
const LOOK_EVERY_MS = 3_000;
/** A transaction that is in the way is named again after this time. */
const REMIND_MS = 10 * 60_000;
/** How many are remembered as named. */
const REMEMBERED = 1_000;

const logger = new Logger('LockWatch');
const named = new Map<string, number>();
const lookers = new WeakMap<DataSource, pg.Pool>();

/**
 * Sees who keeps a session waiting, and names it in the log: only while the session waits does the server tell. Asks on a
 * connection of its own, one in a process, made when it is needed: all of the pool may wait for the same transaction.
 */
export class LockWatch {
  /** Who was in the way at the last look that found anybody. */
  blockers: readonly OtherTransaction[] = [];
  private timer: NodeJS.Timeout | null = null;

  /** @param what waits, for the log. */
  constructor(
    private readonly db: DataSource,
    private readonly what: string,
    private readonly everyMs = LOOK_EVERY_MS,
  ) {}

  /** Watches a session while it works. @param pid of the session. */
  async during<T>(pid: number, work: () => Promise<T>): Promise<T> {
    this.blockers = [];
    const next = (): void => {
      this.timer = setTimeout(
        () => void this.look(pid).then(() => this.timer && next()),
        this.everyMs,
      ).unref();
    };
    next();
    try {
      return await work();
    } finally {
      if (this.timer) clearTimeout(this.timer);
      this.timer = null;
    }
  }

  /** Never rejects: that nobody can be named is no failure of the work. */
  private async look(pid: number): Promise<void> {
    try {
      const blockers = await blockersOf(this.looker(), pid);
      if (blockers.length === 0) return;
      this.blockers = blockers;
      warnOf(`${this.what} waits for`, blockers);
    } catch {
      // a server that is full or away; whoever works on it says so
    }
  }

  private looker(): SqlRunner {
    const pool = lookerOf(this.db);
    return { query: async (sql, parameters) => (await pool.query(sql, parameters)).rows as unknown };
  }
}

/** Names transactions that are in the way in one line of the log, each of them once in a while. */
export function warnOf(what: string, transactions: readonly OtherTransaction[]): void {
  const now = performance.now();
  const fresh = transactions.filter(({ id }) => now - (named.get(`${what} ${id}`) ?? -Infinity) > REMIND_MS);
  if (fresh.length === 0) return;
  if (named.size > REMEMBERED) named.clear();
  for (const { id } of fresh) named.set(`${what} ${id}`, now);
  logger.warn(`${what} ${describeTransactions(fresh)}`);
}

/** One connection, of the same settings as those of the pool; it ends by itself when it is needed no more. */
function lookerOf(db: DataSource): pg.Pool {
  const known = lookers.get(db);
  if (known) return known;
  const { options } = (db.driver as unknown as { master: { options: pg.PoolConfig & { watchUrl: string } } })
    .master;
  const pool = new pg.Pool({
    ...options,
    connectionString: options.watchUrl,
    ...(options.password !== undefined && { password: options.password }), // it is not enumerable
    application_name: 'tracker-location-history watch',
    max: 1,
    min: 0,
    idleTimeoutMillis: 5_000,
    connectionTimeoutMillis: 3_000,
    query_timeout: 3_000,
    allowExitOnIdle: true,
  });
  pool.on('error', () => undefined);
  lookers.set(db, pool);
  return pool;
}
