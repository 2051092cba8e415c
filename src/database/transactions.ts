import type { DataSource, QueryRunner } from 'typeorm';
import { retryTransient } from './retry.js';
import type { Session } from './session.js';

/** Makes pieces of work transactions: all of a piece or nothing of it, and again when another session was in the way. */
export interface Transactions {
  /** Whether two pieces may be under way at once, each on a session of its own. */
  readonly mayOverlap: boolean;
  run<T>(work: (session: Session) => Promise<T>): Promise<T>;
}

/** Every piece is a transaction of its own, on whatever session of the pool is free. */
export class CommittedTransactions implements Transactions {
  readonly mayOverlap = true;

  constructor(private readonly db: DataSource) {}

  run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return retryTransient(async () => {
      const session = this.db.createQueryRunner();
      try {
        await session.connect();
        return await inTransaction(session, work);
      } finally {
        await session.release();
      }
    });
  }
}

/** All pieces are one transaction, which is rolled back in the end: what would have happened, and nothing did. */
export class RehearsedTransactions implements Transactions {
  readonly mayOverlap = false;

  private constructor(private readonly session: QueryRunner) {}

  static async begin(db: DataSource): Promise<RehearsedTransactions> {
    const session = db.createQueryRunner();
    await session.connect();
    await session.startTransaction();
    return new RehearsedTransactions(session);
  }

  run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return retryTransient(() => inTransaction(this.session, work)); // within the other one: a savepoint
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
