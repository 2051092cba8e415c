import { DomainError } from '../common/errors/domain-error.js';
import { warnAboutTransactions } from '../database/lock-watch.js';
import {
  describeTransaction,
  describeTransactions,
  terminationStatement,
  isOurSession,
  type OtherTransaction,
} from '../database/other-transactions.js';
import { isTransient } from '../common/errors/pg-errors.js';

/**
 * How long each attempt waits for a lock, in milliseconds; later ones use the last value. Writers queue behind the
 * request, so the wait and the work together have to stay below two seconds.
 */
const WAITS_MS = [300, 600, 900] as const;
/** Longer than deadlock_timeout, after which the server cancels an autovacuum that blocks the request. */
const WAIT_FOR_VACUUM_MS = 1_200;
/** A transaction that has been open for this long is not expected to end within one of these waits. */
const OLD_S = 5;

/** Short attempts at work that locks tables exclusively; no attempt while a long transaction would block it anyway. */
export class BriefTries {
  private begun = 0;
  private warned = false;
  private isBlockedByVacuum = false;
  /** When each transaction was first seen; the server hides the age of transactions of other roles. */
  private readonly seen = new Map<string, number>();

  /** @param what names the work, as the subject of a sentence. */
  constructor(private readonly what: string) {}

  /** How long the next attempt may wait for each of its locks, in milliseconds. */
  nextWaitMs(): number {
    const wait = WAITS_MS[Math.min(this.begun++, WAITS_MS.length - 1)] as number;
    return this.isBlockedByVacuum ? WAIT_FOR_VACUUM_MS : wait;
  }

  /**
   * Checks that no long transaction blocks the attempt: waiting for it would only make others wait too.
   *
   * @throws InTheWayError that names that transaction.
   */
  require(holders: readonly OtherTransaction[]): void {
    this.isBlockedByVacuum = holders.some((holder) => !belongsToUser(holder));
    const now = performance.now();
    for (const { id } of holders) if (!this.seen.has(id)) this.seen.set(id, now);
    const old = holders.filter(
      (holder) =>
        belongsToUser(holder) &&
        ((holder.ageSeconds ?? 0) > OLD_S || now - (this.seen.get(holder.id) as number) > OLD_S * 1000),
    );
    const [first] = old;
    if (!first) return;
    this.warn(old);
    throw new InTheWayError(this.what, first, old.every(isActive));
  }

  /** Logs, once, which transactions blocked a failed attempt. */
  warn(holders: readonly OtherTransaction[]): void {
    if (this.warned || holders.length === 0) return;
    this.warned = true;
    warnAboutTransactions(`${this.what} waits for`, holders);
  }

  /** The error after the last attempt, which names the transactions that blocked it. */
  failed(holders: readonly OtherTransaction[], cause: unknown): DomainError {
    const named = describeTransactions(holders, false);
    const reason = named === '' ? 'the tables were in use at every attempt' : `it waited for ${named}`;
    return new DomainError('CONFLICT', `${this.what} failed: ${reason}`, { cause });
  }
}

/** A transaction that has been open for some seconds blocks the work. */
export class InTheWayError extends DomainError {
  /** @param willEnd whether it is active, and so will end some time. */
  constructor(
    what: string,
    transaction: OtherTransaction,
    readonly willEnd: boolean,
  ) {
    super(
      'CONFLICT',
      `${what} waits for ${describeTransaction(transaction, false)}. If that transaction was forgotten, end it: ${terminationStatement(transaction)}`,
    );
  }
}

/** Whether work that failed with this error may be retried soon. */
export function isRetryable(error: unknown): boolean {
  return isTransient(error) || (error instanceof InTheWayError && error.willEnd);
}

/** Autovacuum belongs to no user, and is cancelled when it blocks. */
function belongsToUser({ user, gid }: OtherTransaction): boolean {
  return user !== null || gid !== null;
}

/** A session of this product also counts as active between two statements: it reads and writes in pieces. */
function isActive(transaction: OtherTransaction): boolean {
  return transaction.state === 'active' || isOurSession(transaction);
}
