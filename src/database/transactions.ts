import type { DataSource, QueryRunner } from 'typeorm';
import { DomainError } from '../common/errors/domain-error.js';
import { LockWatch } from './lock-watch.js';
import { isOfProduct, type OtherTransaction } from './other-transactions.js';
import { databaseErrorCode, SQLSTATE } from './pg-errors.js';
import { retryTransient } from './retry.js';
import type { Session } from './session.js';

/**
 * How long a transaction that stores reports waits for a lock of another one, in milliseconds: longer than a day's close and
 * than a large batch of another import, shorter than the patience of an app that sends reports.
 */
export const INGEST_LOCK_TIMEOUT_MS = 10_000;

/** Makes pieces of work transactions: all of a piece or nothing of it, and again when another session was in the way. */
export interface Transactions {
  /** Whether two pieces may be under way at once, each on a session of its own. */
  readonly mayOverlap: boolean;
  /** @throws DomainError `UNAVAILABLE` where the transaction of somebody else keeps a lock that it needs. */
  run<T>(work: (session: Session) => Promise<T>): Promise<T>;
}

/** Every piece is a transaction of its own, on whatever session of the pool is free. */
export class CommittedTransactions implements Transactions {
  readonly mayOverlap = true;

  /** @param what is done in them, for the log, e.g. `an import`. */
  constructor(
    private readonly db: DataSource,
    private readonly what: string,
  ) {}

  run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return whileOthersWork(async () => {
      const session = this.db.createQueryRunner();
      try {
        await session.connect();
        return await inTransaction(session, (begun) =>
          withBoundedWaits(this.db, begun, this.what, () => work(begun)),
        );
      } finally {
        await session.release();
      }
    });
  }
}

/** All pieces are one transaction, which is rolled back in the end: what would have happened, and nothing did. */
export class DryRunTransactions implements Transactions {
  readonly mayOverlap = false;

  private constructor(
    private readonly db: DataSource,
    private readonly session: QueryRunner,
    private readonly what: string,
  ) {}

  /** @param what is done in it, for the log. */
  static async begin(db: DataSource, what: string): Promise<DryRunTransactions> {
    const session = db.createQueryRunner();
    await session.connect();
    await session.startTransaction();
    return new DryRunTransactions(db, session, what);
  }

  run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return whileOthersWork(() =>
      // within the other one: a savepoint
      inTransaction(this.session, (begun) => withBoundedWaits(this.db, begun, this.what, () => work(begun))),
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

/** All of a piece of work on a session, or nothing of it. */
export async function inTransaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
  await session.startTransaction();
  try {
    const result = await work(session);
    await session.commitTransaction();
    return result;
  } catch (error) {
    await session.rollbackTransaction().catch(() => undefined); // the session may be the thing that broke
    throw error;
  }
}

/**
 * Within a transaction, waits for others only so long, and names them in the log.
 *
 * @throws 55P03 where all that it waited for are sessions of the product that are at work: they will be done.
 * @throws DomainError `UNAVAILABLE` where they are others: a forgotten transaction is never done.
 */
async function withBoundedWaits<T>(
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
    const willPass = blockers.length > 0 && blockers.every(isAtWork);
    throw databaseErrorCode(error) === SQLSTATE.lockNotAvailable && !willPass ? heldUp(error) : error;
  }
}

function isAtWork(transaction: OtherTransaction): boolean {
  return transaction.state === 'active' && isOfProduct(transaction);
}

async function whileOthersWork<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await retryTransient(work);
  } catch (error) {
    throw databaseErrorCode(error) === SQLSTATE.lockNotAvailable ? heldUp(error) : error;
  }
}

function heldUp(cause: unknown): DomainError {
  return new DomainError(
    'UNAVAILABLE',
    `Another transaction has held what this needs in the database for ${INGEST_LOCK_TIMEOUT_MS / 1000} seconds; ` +
      'try again in a while. The log names the transaction',
    { cause },
  );
}
