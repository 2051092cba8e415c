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

/** A transaction that has been open for longer than this may be forgotten, in seconds. */
const LONG_S = 5 * 60;
/** One that keeps a day from its close is told after this time, in seconds. */
const BLOCKING_S = 60;
/** Of another role's the age is hidden: those that are still there after this time are told. */
const SECOND_LOOK_MS = 2_000;
/** The one that writers wait for is named first. */
const RAW = 'location_reports';
/** Relations that are named. */
const SHOWN_RELATIONS = 3;

/** Transactions that others may have forgotten, and what is wrong with them. */
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
      await sleep(SECOND_LOOK_MS);
      const [longer, longerDue] = await Promise.all([this.repository.long(LONG_S), this.repository.dueDay()]);
      const isStillThere = (later: readonly OtherTransaction[]) => (one: OtherTransaction) =>
        !one.isHidden || later.some(({ id }) => id === one.id);
      transactions = long.filter(isStillThere(longer));
      holders = holders.filter(isStillThere(longerDue?.holders ?? []));
    }
    const blocking = holders.filter(isInTheWay);
    return {
      transactions: [
        ...transactions,
        ...blocking.filter(({ id }) => !transactions.some((one) => one.id === id)),
      ],
      problems: [
        ...(due ? blocking.map((one) => blockedDay(due.day, one)) : []),
        // Of another role's nobody can tell whether a query, or a backup, has just begun: it is shown, and no problem.
        ...transactions.filter(({ isHidden, writes }) => !isHidden || writes).map(problemOf),
      ],
    };
  }
}

/** What the product does takes its time; autovacuum, which is nobody's, gives way. */
function isInTheWay(transaction: OtherTransaction): boolean {
  const { user, gid, state, ageSeconds, isHidden } = transaction;
  const isOurs = state === 'active' && isOurSession(transaction);
  return (user !== null || gid !== null) && !isOurs && (isHidden || (ageSeconds ?? 0) > BLOCKING_S);
}

function blockedDay(day: Date, transaction: OtherTransaction): string {
  return (
    `Maintenance cannot close ${day.toISOString().slice(0, 10)}, which is due, while ` +
    `${describeTransaction(transaction, false)} has its tables in use. ${wayOut(transaction)}`
  );
}

function problemOf(transaction: LongTransaction): string {
  const { relations, holdsHorizon, ageSeconds, gid } = transaction;
  const locked = [...(relations ?? [])].sort((a, b) => Number(b === RAW) - Number(a === RAW));
  const keeps = [
    ...(locked.length > 0 ? [`it has locked ${locked.slice(0, SHOWN_RELATIONS).join(', ')}`] : []),
    ...(gid !== null ? ['it keeps all its locks'] : []),
    ...(holdsHorizon ? ['it keeps VACUUM from removing dead rows'] : []),
  ].join(', and ');
  const age = ageSeconds === null ? 'an unknown time' : `${Math.floor(ageSeconds / 60)} minutes`;
  return (
    `A transaction has been open for ${age}: ${describeTransaction(transaction, false)}; ${keeps}. ` +
    wayOut(transaction)
  );
}

function wayOut(transaction: OtherTransaction): string {
  const whose = transaction.isHidden
    ? ' as an administrator (members of pg_read_all_stats see what it does and since when)'
    : '';
  return `If it is forgotten, end it${whose}: ${terminationStatement(transaction)}`;
}
