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
 * How long each try waits for a lock, in milliseconds; the last one counts for all that follow. Writers queue behind the
 * request, so this together with the work has to stay below two seconds.
 */
const WAITS_MS = [300, 600, 900] as const;
/** Longer than deadlock_timeout, after which the server ends an autovacuum that is in the way. */
const WAIT_FOR_VACUUM_MS = 1_200;
/** A transaction that has had a relation for so long will not be done within one of these waits. */
const OLD_S = 5;

/** Tries of work that nobody may be in the way of: short ones, and none while it is of no use. */
export class BriefTries {
  private begun = 0;
  private warned = false;
  private meetsVacuum = false;
  /** When a transaction was found in the way first; of other roles' the server does not tell the age. */
  private readonly seen = new Map<string, number>();

  /** @param what is tried, as the subject of a sentence. */
  constructor(private readonly what: string) {}

  /** How long the next try may wait for each of its locks, in milliseconds. */
  nextWaitMs(): number {
    const wait = WAITS_MS[Math.min(this.begun++, WAITS_MS.length - 1)] as number;
    return this.meetsVacuum ? WAIT_FOR_VACUUM_MS : wait;
  }

  /**
   * Lets a try begin, or not: while a transaction that will not be done in time is in the way, it would only keep others out.
   *
   * @throws InTheWayError that names it.
   */
  require(holders: readonly OtherTransaction[]): void {
    this.meetsVacuum = holders.some((holder) => !isOfSomebody(holder));
    const now = performance.now();
    for (const { id } of holders) if (!this.seen.has(id)) this.seen.set(id, now);
    const old = holders.filter(
      (holder) =>
        isOfSomebody(holder) &&
        ((holder.ageSeconds ?? 0) > OLD_S || now - (this.seen.get(holder.id) as number) > OLD_S * 1000),
    );
    const [first] = old;
    if (!first) return;
    this.warn(old);
    throw new InTheWayError(this.what, first, old.every(isAtWork));
  }

  /** Names in the log who was in the way of a try that failed, once. */
  warn(holders: readonly OtherTransaction[]): void {
    if (this.warned || holders.length === 0) return;
    this.warned = true;
    warnAboutTransactions(`${this.what} waits for`, holders);
  }

  /** Says that none of the tries came to anything, and who was in the way last. */
  failed(holders: readonly OtherTransaction[], cause: unknown): DomainError {
    const named = describeTransactions(holders, false);
    const found = named === '' ? 'others had the tables in use again and again' : `it waited for ${named}`;
    return new DomainError('CONFLICT', `${this.what} failed: ${found}`, { cause });
  }
}

/** A transaction that has been open for long is in the way. */
export class InTheWayError extends DomainError {
  /** @param mayPass whether it is at work, and will be done some time. */
  constructor(
    what: string,
    transaction: OtherTransaction,
    readonly mayPass: boolean,
  ) {
    super(
      'CONFLICT',
      `${what} waits for ${describeTransaction(transaction, false)}. If that is forgotten, end it: ${terminationStatement(transaction)}`,
    );
  }
}

/** Whether work that failed so may be tried again in a moment. */
export function mayBeTriedAgain(error: unknown): boolean {
  return isTransient(error) || (error instanceof InTheWayError && error.mayPass);
}

/** Autovacuum, for one, is nobody's, and gives way. */
function isOfSomebody({ user, gid }: OtherTransaction): boolean {
  return user !== null || gid !== null;
}

/** A session of the product is at work also between two statements: it reads or writes in pieces. */
function isAtWork(transaction: OtherTransaction): boolean {
  return transaction.state === 'active' || isOurSession(transaction);
}
