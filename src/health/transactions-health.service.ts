import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import {
  describeTransaction,
  terminationStatement,
  isOurSession,
  type LongTransaction,
  type OtherTransaction,
} from '../database/other-transactions.js';
import { TransactionsHealthRepository } from './transactions-health.repository.js';

/** A transaction that has been open for longer than this may have been forgotten, in seconds. */
const LONG_S = 5 * 60;
/** A transaction that prevents a day from being closed is reported after this time, in seconds. */
const BLOCKING_S = 60;
/** The age of another role's transaction is hidden: it is reported when it is still open after this time. */
const RECHECK_AFTER_MS = 2_000;
/** Named first, because writers wait for it. */
const RAW = 'location_reports';
/** At most this many relations are named. */
const SHOWN_RELATIONS = 3;

/** Transactions that may have been forgotten, and the problems they cause. */
export interface TransactionsReport {
  transactions: OtherTransaction[];
  problems: string[];
}

@Injectable()
export class TransactionsHealthService {
  constructor(private readonly repository: TransactionsHealthRepository) {}

  async check(): Promise<TransactionsReport> {
    const [long, due] = await Promise.all([this.repository.long(LONG_S), this.repository.dueDay()]);
    let holders = due?.holders ?? [];
    let transactions = long;
    if ([...long, ...holders].some(({ isHidden }) => isHidden)) {
      await sleep(RECHECK_AFTER_MS);
      const [longAgain, dueAgain] = await Promise.all([
        this.repository.long(LONG_S),
        this.repository.dueDay(),
      ]);
      const isStillThere = (later: readonly OtherTransaction[]) => (one: OtherTransaction) =>
        !one.isHidden || later.some(({ id }) => id === one.id);
      transactions = long.filter(isStillThere(longAgain));
      holders = holders.filter(isStillThere(dueAgain?.holders ?? []));
    }
    const blocking = holders.filter(isBlocking);
    return {
      transactions: [
        ...transactions,
        ...blocking.filter(({ id }) => !transactions.some((one) => one.id === id)),
      ],
      problems: [
        ...(due ? blocking.map((one) => blockedDay(due.day, one)) : []),
        // Another role's transaction may be a query or a backup that has just begun: it is shown, but is not a problem.
        ...transactions.filter(({ isHidden, writes }) => !isHidden || writes).map(problemOf),
      ],
    };
  }
}

/** False for this product's own work, which may take long, and for autovacuum, which is cancelled when it blocks. */
function isBlocking(transaction: OtherTransaction): boolean {
  const { user, gid, state, ageSeconds, isHidden } = transaction;
  const isOurs = state === 'active' && isOurSession(transaction);
  return (user !== null || gid !== null) && !isOurs && (isHidden || (ageSeconds ?? 0) > BLOCKING_S);
}

function blockedDay(day: Date, transaction: OtherTransaction): string {
  return (
    `Maintenance cannot close ${day.toISOString().slice(0, 10)}, which is due, while ` +
    `${describeTransaction(transaction, false)} uses its tables. ${adviceFor(transaction)}`
  );
}

function problemOf(transaction: LongTransaction): string {
  const { relations, holdsBackVacuum, ageSeconds, gid } = transaction;
  const locked = [...(relations ?? [])].sort((a, b) => Number(b === RAW) - Number(a === RAW));
  const effects = [
    ...(locked.length > 0 ? [`it has locked ${locked.slice(0, SHOWN_RELATIONS).join(', ')}`] : []),
    ...(gid !== null ? ['it keeps all its locks'] : []),
    ...(holdsBackVacuum ? ['it keeps VACUUM from removing dead rows'] : []),
  ].join(', and ');
  const age = ageSeconds === null ? 'an unknown time' : `${Math.floor(ageSeconds / 60)} minutes`;
  return (
    `A transaction has been open for ${age}: ${describeTransaction(transaction, false)}; ${effects}. ` +
    adviceFor(transaction)
  );
}

function adviceFor(transaction: OtherTransaction): string {
  const how = transaction.isHidden
    ? ' as an administrator (members of pg_read_all_stats see what it does and since when)'
    : '';
  return `If it is forgotten, end it${how}: ${terminationStatement(transaction)}`;
}
