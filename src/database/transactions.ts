import type { DataSource, QueryRunner } from 'typeorm';
import { DomainError } from '../common/errors/domain-error.js';
import { LockWatch } from './lock-watch.js';
import { isOurSession, type OtherTransaction } from './other-transactions.js';
import { databaseErrorCode, SQLSTATE } from '../common/errors/pg-errors.js';
import { retryTransient } from './retry.js';
import type { Session } from './session.js';

/**
 * How long a transaction that stores reports waits for a lock, in milliseconds: longer than closing a day or a large
 * batch of another import takes, shorter than the timeout of apps that send reports.
 */
export const INGEST_LOCK_TIMEOUT_MS = 10_000;

/** Runs pieces of work as transactions, and retries them after a conflict with another session. */
export interface Transactions {
  /** Whether two pieces may run at once, each on a session of its own. */
  readonly mayOverlap: boolean;
  /** @throws DomainError `UNAVAILABLE` when a transaction of another program holds a lock that the work needs. */
  run<T>(work: (session: Session) => Promise<T>): Promise<T>;
}

/** Runs every piece in a transaction of its own, on any free session of the pool. */
export class CommittedTransactions implements Transactions {
  readonly mayOverlap = true;

  /** @param what describes the work, for the log, e.g. `an import`. */
  constructor(
    private readonly db: DataSource,
    private readonly what: string,
  ) {}

  run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return retryWhileLocked(async () => {
      const session = this.db.createQueryRunner();
      try {
        await session.connect();
        return await inTransaction(session, () =>
          withLockTimeout(this.db, session, this.what, () => work(session)),
        );
      } finally {
        await session.release();
      }
    });
  }
}

/** Runs all pieces in one transaction, which is rolled back at the end. */
export class DryRunTransactions implements Transactions {
  readonly mayOverlap = false;

  private constructor(
    private readonly db: DataSource,
    private readonly session: QueryRunner,
    private readonly what: string,
  ) {}

  /** @param what describes the work, for the log. */
  static async begin(db: DataSource, what: string): Promise<DryRunTransactions> {
    const session = db.createQueryRunner();
    await session.connect();
    await session.startTransaction();
    return new DryRunTransactions(db, session, what);
  }

  run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const { session } = this;
    return retryWhileLocked(() =>
      // inside the outer transaction this is a savepoint
      inTransaction(session, () => withLockTimeout(this.db, session, this.what, () => work(session))),
    );
  }

  async discard(): Promise<void> {
    try {
      await this.session.rollbackTransaction();
    } finally {
      await this.session.release();
    }
  }
}

/** Runs work in a transaction: commits it, or rolls it back when the work throws. */
export async function inTransaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
  await session.startTransaction();
  try {
    const result = await work(session);
    await session.commitTransaction();
    return result;
  } catch (error) {
    await session.rollbackTransaction().catch(() => undefined); // the session itself may be broken
    throw error;
  }
}

/**
 * Limits how long a transaction waits for locks, and logs who holds them.
 *
 * @throws 55P03 when only active sessions of the product hold them: those will end.
 * @throws DomainError `UNAVAILABLE` when others hold them: a forgotten transaction may never end.
 */
async function withLockTimeout<T>(
  db: DataSource,
  session: Session,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const [{ pid }] = (await session.query(
    `SELECT set_config('lock_timeout', '${INGEST_LOCK_TIMEOUT_MS}ms', true), pg_backend_pid() AS pid`,
  )) as [{ pid: number }];
  const watch = new LockWatch(db, what);
  try {
    return await watch.during(pid, work);
  } catch (error) {
    const { blockers } = watch;
    const willEnd = blockers.length > 0 && blockers.every(isActiveSessionOfOurs);
    throw databaseErrorCode(error) === SQLSTATE.lockNotAvailable && !willEnd
      ? lockTimeoutError(error)
      : error;
  }
}

function isActiveSessionOfOurs(transaction: OtherTransaction): boolean {
  return transaction.state === 'active' && isOurSession(transaction);
}

async function retryWhileLocked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await retryTransient(work);
  } catch (error) {
    throw databaseErrorCode(error) === SQLSTATE.lockNotAvailable ? lockTimeoutError(error) : error;
  }
}

function lockTimeoutError(cause: unknown): DomainError {
  return new DomainError(
    'UNAVAILABLE',
    `Another transaction has held a lock that this needs for ${INGEST_LOCK_TIMEOUT_MS / 1000} seconds; ` +
      'try again in a while. The log names the transaction',
    { cause },
  );
}
