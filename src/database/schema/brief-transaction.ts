import { DomainError } from '../../common/errors/domain-error.js';
import { describeTransactions, findLockHolders } from '../other-transactions.js';
import { databaseErrorCode, SQLSTATE } from '../../common/errors/pg-errors.js';
import { retryTransient } from '../retry.js';
import type { Session } from '../session.js';
import { inTransaction } from '../transactions.js';
import { whileJobsPaused } from './job-locks.js';
import { lockRelations } from './relation-locks.js';

/**
 * How long one try waits for its locks, all together, before it gives way: whoever comes after it waits as long. Shorter
 * than PostgreSQL's deadlock_timeout (1 s), counted from the first request, so that no reader or writer is ever the one that a
 * deadlock ends.
 */
const LOCK_TIMEOUT = '800ms';
/** How long it is tried. */
const PATIENCE_MS = 10 * 60_000;

/** Who has used a relation for less than this many seconds is not named: it will be done before anybody has read it. */
const USED_FOR_S = 1;

const MAY_PASS: ReadonlySet<string> = new Set([
  SQLSTATE.lockNotAvailable,
  SQLSTATE.deadlockDetected,
  SQLSTATE.serializationFailure,
]);

export interface BriefWork {
  /** Relations that nobody may use meanwhile, in the order in which they are locked; those that are not there are left out. */
  relations?: readonly string[];
  /** Runs before each try, outside the transaction, when no job of the product is at work. */
  catchUp?: () => Promise<void>;
  /** Is told, a line each, who is in the way. */
  progress?: (line: string) => void;
  patienceMs?: number;
}

/**
 * Runs work that needs strong locks for a moment, again until it gets them; nothing of it is done before that. Jobs of the
 * product rest during each try: a refresh reads everything, for minutes.
 *
 * @throws DomainError `CONFLICT` that names who has the relations in use.
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
      if (!mayPass(error)) throw error;
      const found = describeTransactions(await findLockHolders(session, relations, USED_FOR_S));
      if (found !== '' && found !== users) progress(`waiting for those who use the tables: ${found}`);
      users = found;
      throw error;
    }
  };
  try {
    return await retryTransient(attempt, patienceMs, mayPass);
  } catch (error) {
    if (!mayPass(error)) throw error;
    throw new DomainError(
      'CONFLICT',
      `The tables were in use for ${Math.round(patienceMs / 60_000)} minutes${users && ` (${users})`}. ` +
        'The upgrade is not complete, and everything works as before. Run migrate again when they are done',
      { cause: error },
    );
  }
}

const mayPass = (error: unknown): boolean => MAY_PASS.has(databaseErrorCode(error) ?? '');
