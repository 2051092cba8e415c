import { Logger } from '@nestjs/common';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { findBlockers, describeTransactions, type OtherTransaction } from './other-transactions.js';
import type { SqlRunner } from './server-capabilities.js';

/** How often to check who blocks a transaction. */
const CHECK_EVERY_MS = 3_000;
/** A blocking transaction is logged again after this time. */
const REMIND_MS = 10 * 60_000;
/** How many logged transactions are remembered. */
const MAX_REMEMBERED = 1_000;

const logger = new Logger('LockWatch');
const loggedAt = new Map<string, number>();
const pools = new WeakMap<DataSource, pg.Pool>();

/**
 * Finds and logs the transactions that block a session. It checks while the session waits, because the server reports
 * them only then. Each process uses one separate connection for it, opened when needed: the whole pool may wait for the
 * same transaction.
 */
export class LockWatch {
  /** The blocking transactions that were found last. */
  blockers: readonly OtherTransaction[] = [];
  private timer: NodeJS.Timeout | null = null;

  /** @param what describes the waiting work, for the log. */
  constructor(
    private readonly db: DataSource,
    private readonly what: string,
    private readonly everyMs = CHECK_EVERY_MS,
  ) {}

  /** Watches a session while it works. @param pid process id of the session. */
  async during<T>(pid: number, work: () => Promise<T>): Promise<T> {
    this.blockers = [];
    const next = (): void => {
      this.timer = setTimeout(
        () => void this.check(pid).then(() => this.timer && next()),
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

  /** Never rejects: the work must not fail because a check failed. */
  private async check(pid: number): Promise<void> {
    try {
      const blockers = await findBlockers(this.watchConnection(), pid);
      if (blockers.length === 0) return;
      this.blockers = blockers;
      warnAboutTransactions(`${this.what} waits for`, blockers);
    } catch {
      // the server is full or unreachable; the work itself reports that
    }
  }

  private watchConnection(): SqlRunner {
    const pool = watchPoolOf(this.db);
    return { query: async (sql, parameters) => (await pool.query(sql, parameters)).rows as unknown };
  }
}

/** Logs blocking transactions in one line, each of them at most every ten minutes. */
export function warnAboutTransactions(what: string, transactions: readonly OtherTransaction[]): void {
  const now = performance.now();
  const fresh = transactions.filter(
    ({ id }) => now - (loggedAt.get(`${what} ${id}`) ?? -Infinity) > REMIND_MS,
  );
  if (fresh.length === 0) return;
  if (loggedAt.size > MAX_REMEMBERED) loggedAt.clear();
  for (const { id } of fresh) loggedAt.set(`${what} ${id}`, now);
  logger.warn(`${what} ${describeTransactions(fresh)}`);
}

/** A pool of one connection, with the settings of the main pool; it closes when idle. */
function watchPoolOf(db: DataSource): pg.Pool {
  const known = pools.get(db);
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
  pools.set(db, pool);
  return pool;
}
