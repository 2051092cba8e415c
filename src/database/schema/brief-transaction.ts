import { databaseErrorCode, SQLSTATE } from '../pg-errors.js';
import { retryTransient } from '../retry.js';
import type { Session } from '../session.js';
import { inTransaction } from '../transactions.js';

/**
 * How long a change of the schema waits for a lock before it gives way and tries again: those who come after it have to
 * wait as long. Shorter than PostgreSQL's deadlock_timeout (1 s), so that no reader or writer is ever the one that a
 * deadlock ends.
 */
const LOCK_TIMEOUT = '800ms';
/** How long it is tried before whoever is in the way is named. */
const PATIENCE_MS = 10 * 60_000;

const MAY_PASS: ReadonlySet<string> = new Set([
  SQLSTATE.lockNotAvailable,
  SQLSTATE.deadlockDetected,
  SQLSTATE.serializationFailure,
]);

/** Runs work that needs strong locks for a moment, again until it gets them; nothing of it is done before that. */
export function inBriefTransaction<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return retryTransient(
    () =>
      inTransaction(session, async () => {
        await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
        return work();
      }),
    PATIENCE_MS,
    (error) => MAY_PASS.has(databaseErrorCode(error) ?? ''),
  );
}
