import { DomainError } from '../../common/errors/domain-error.js';
import { describeTransactions, findLockHolders } from '../other-transactions.js';
import { databaseErrorCode, SQLSTATE } from '../../common/errors/pg-errors.js';
import { retryTransient } from '../retry.js';
import type { Session } from '../session.js';
import { inTransaction } from '../transactions.js';
import { whileJobsPaused } from './job-locks.js';
import { lockRelations } from './relation-locks.js';

/**
 * How long one attempt waits for all its locks together, because later readers and writers queue behind it. Shorter
 * than PostgreSQL's deadlock_timeout (1 s), so that a deadlock ends this attempt and never a reader or writer.
 */
const LOCK_TIMEOUT = '800ms';
/** How long to retry. */
const PATIENCE_MS = 10 * 60_000;

/** Transactions younger than this many seconds are not reported: they end before anybody reads the message. */
const MIN_AGE_S = 1;

const RETRYABLE: ReadonlySet<string> = new Set([
  SQLSTATE.lockNotAvailable,
  SQLSTATE.deadlockDetected,
  SQLSTATE.serializationFailure,
]);

export interface BriefWork {
  /** Relations to lock exclusively, in this order; missing ones are skipped. */
  relations?: readonly string[];
  /** Runs before each attempt, outside the transaction, while the jobs of the product are paused. */
  catchUp?: () => Promise<void>;
  /** Called with a line about the transactions that it waits for. */
  progress?: (line: string) => void;
  patienceMs?: number;
}

/**
 * Runs short work that needs strong locks; retries until it gets them, and changes nothing before that. Jobs of the
 * product are paused during each attempt, because a refresh may read for minutes.
 *
 * @throws DomainError `CONFLICT` that names the transactions that use the relations.
 */
export async function inBriefTransaction<T>(
  session: Session,
  work: () => Promise<T>,
  { relations = [], catchUp, progress = () => undefined, patienceMs = PATIENCE_MS }: BriefWork = {},
): Promise<T> {
  let lastHolders = '';
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
      const holders = describeTransactions(await findLockHolders(session, relations, MIN_AGE_S));
      if (holders !== '' && holders !== lastHolders) {
        progress(`waiting for transactions that use the tables: ${holders}`);
      }
      lastHolders = holders;
      throw error;
    }
  };
  try {
    return await retryTransient(attempt, patienceMs, isRetryable);
  } catch (error) {
    if (!isRetryable(error)) throw error;
    throw new DomainError(
      'CONFLICT',
      `The tables were in use for ${Math.round(patienceMs / 60_000)} minutes${lastHolders && ` (${lastHolders})`}. ` +
        'The upgrade is not complete, and everything works as before. Run migrate again when these transactions have ended',
      { cause: error },
    );
  }
}

const isRetryable = (error: unknown): boolean => RETRYABLE.has(databaseErrorCode(error) ?? '');
