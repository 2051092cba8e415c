import { Injectable } from '@nestjs/common';
import {
  type FailingPolicy,
  type HistoryFacts,
  HistoryHealthRepository,
  type LayerHealth,
} from './history-health.repository.js';
import type { OtherTransaction } from '../database/other-transactions.js';
import { type RefresherReport, RefresherHealthService } from './refresher-health.service.js';
import { TransactionsHealthService } from './transactions-health.service.js';

/** A change that waits longer than this is not being worked on, in seconds. */
const PATIENCE_S = 120;

/** The state of history, and what is wrong with it. */
export interface HistoryHealth extends HistoryFacts {
  layers: LayerHealth[];
  refresher: Omit<RefresherReport, 'problems'> & { lagSeconds: number };
  /** Transactions of others that have been open for long, or keep a day from its close. */
  transactions: OtherTransaction[];
  /** What an operator should look at, as sentences; empty when all is well. */
  problems: string[];
}

@Injectable()
export class HistoryHealthService {
  private underWay: Promise<HistoryHealth> | undefined;

  constructor(
    private readonly health: HistoryHealthRepository,
    private readonly refresher: RefresherHealthService,
    private readonly transactions: TransactionsHealthService,
  ) {}

  /**
   * Looks at the database as it is; changes nothing. It counts every row, so those who ask meanwhile get the same answer.
   */
  check(): Promise<HistoryHealth> {
    this.underWay ??= this.look().finally(() => (this.underWay = undefined));
    return this.underWay;
  }

  private async look(): Promise<HistoryHealth> {
    const [facts, layers, policies, { problems, ...refresher }, others] = await Promise.all([
      this.health.facts(),
      this.health.layers(),
      this.health.failingPolicies(),
      this.refresher.check(),
      this.transactions.check(),
    ]);
    const lagSeconds = Math.max(facts.pendingSeconds ?? 0, facts.viewBehindSeconds ?? 0);
    return {
      ...facts,
      layers,
      refresher: { ...refresher, lagSeconds },
      transactions: others.transactions,
      problems: [...problemsOf(facts), ...policies.map(problemOf), ...problems, ...others.problems],
    };
  }
}

function problemsOf(facts: HistoryFacts): string[] {
  const problems: string[] = [];
  if (facts.daysOverdue > 1) {
    problems.push(
      `${facts.daysOverdue} days wait to be closed: maintenance has not run or cannot (see the log for "maintenance failed")`,
    );
  }
  if (facts.pendingSeconds !== null && facts.pendingSeconds > PATIENCE_S) {
    problems.push(`Changes wait for ${facts.pendingSeconds} seconds: no refresher is at work`);
  }
  if (facts.viewIsEmpty) {
    problems.push(
      'The materialized view location_history is empty, though there is history: no refresher is at work',
    );
  } else if (facts.viewBehindSeconds !== null && facts.viewBehindSeconds > PATIENCE_S) {
    problems.push(
      `The materialized view location_history is behind for ${facts.viewBehindSeconds} seconds: no refresher is at work`,
    );
  }
  if (facts.unregisteredKeys > 0) {
    problems.push(
      `${facts.unregisteredReports} reports of ${facts.unregisteredKeys} keys belong to no tracker; ` +
        'they appear when their trackers are registered',
    );
  }
  return problems;
}

function problemOf({ policy, failures, lastSuccess, error }: FailingPolicy): string {
  const since = lastSuccess ? `has not succeeded since ${lastSuccess.toISOString()}` : 'has never succeeded';
  return `The policy ${policy} of TimescaleDB ${since} (${failures} failures): ${error ?? 'see the log of the server'}`;
}
