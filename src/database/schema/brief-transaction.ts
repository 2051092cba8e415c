import { DomainError } from '../../common/errors/domain-error.js';
import { describeTransactions, findLockHolders } from '../other-transactions.js';
import { databaseErrorCode, SQLSTATE } from '../../common/errors/pg-errors.js';
import { retryTransient } from '../retry.js';
import type { Session } from '../session.js';
import { inTransaction } from '../transactions.js';
import { whileJobsPaused } from './job-locks.js';
import { lockRelations } from './relation-locks.js';

/**
 * How long one attempt waits for all its locks before it gives way, because later readers and writers queue behind it. Shorter
 * than PostgreSQL's deadlock_timeout (1 s), counted from the first request, so that a deadlock never ends a reader or writer.
 */
const LOCK_TIMEOUT = '800ms';
/** How long to retry. */
const PATIENCE_MS = 10 * 60_000;

/** Transactions younger than this many seconds are not reported: they will have ended before anybody reads it. */
const USED_FOR_S = 1;

const RETRYABLE: ReadonlySet<string> = new Set([
  SQLSTATE.lockNotAvailable,
  SQLSTATE.deadlockDetected,
  SQLSTATE.serializationFailure,
]);

export interface BriefWork {
  /** Relations to lock against everybody, in this order; missing ones are skipped. */
  relations?: readonly string[];
  /** Runs before each attempt, outside the transaction, while the jobs of the product are paused. */
  catchUp?: () => Promise<void>;
  /** Called with a line about the transactions that it waits for. */
  progress?: (line: string) => void;
  patienceMs?: number;
}

/**
 * Runs short work that needs strong locks; retries until it gets them, and changes nothing before that. Jobs of the product are
 * paused during each attempt, because a refresh may read for minutes.
 *
 * @throws DomainError `CONFLICT` that names the transactions that use the relations.
 */
export async function inBriefTransaction<T>(
  session: Session,
  work: () => Promise<T>,
  { relations = [], catchUp, progress = () => undefined, patienceMs = PATIENCE_MS }: BriefWork = {},
): Promise<T> {
  let users = '';
  const once = (): Promise<T> =>
    whileJobsPaused(session, progress, async () => {
      await catchUp?.();
      return inTransaction(session, async () => {
        await lockRelations(session, relations, LOCK_TIMEOUT);
        await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
        return work();
      });
    });
  const attempt = async (): Promise<T> => {
    try {
      return await once();
    } catch (error) {
      if (!isRetryable(error)) throw error;
      const found = describeTransactions(await findLockHolders(session, relations, USED_FOR_S));
      if (found !== '' && found !== users) progress(`waiting for those who use the tables: ${found}`);
      users = found;
      throw error;
    }
  };
  try {
    return await retryTransient(attempt, patienceMs, isRetryable);
  } catch (error) {
    if (!isRetryable(error)) throw error;
    throw new DomainError(
      'CONFLICT',
      `The tables were in use for ${Math.round(patienceMs / 60_000)} minutes${users && ` (${users})`}. ` +
        'The upgrade is not complete, and everything works as before. Run migrate again when they are done',
      { cause: error },
    );
  }
}

const isRetryable = (error: unknown): boolean => RETRYABLE.has(databaseErrorCode(error) ?? '');
