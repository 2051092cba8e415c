import { Injectable } from '@nestjs/common';
import { ClockService, type ClockState } from '../clock/clock.service.js';
import {
  type DifferingDay,
  HistoryGuardService,
  type MissingReports,
} from '../history-guard/history-guard.service.js';
import { describeDuration } from '../common/describe-duration.js';
import {
  type FailingPolicy,
  type HistoryFacts,
  HistoryHealthRepository,
  type LayerHealth,
} from './history-health.repository.js';
import type { OtherTransaction } from '../database/other-transactions.js';
import { lockKey } from '../database/lock-key.js';
import { redisLockName } from '../locking/redis-keys.js';
import { type RefresherReport, RefresherHealthService } from './refresher-health.service.js';
import { TransactionsHealthService } from './transactions-health.service.js';

const DAY_MS = 86_400_000;
/** A change that has been pending for longer than this is reported, in seconds. */
const MAX_PENDING_S = 120;

/** The state of history, and its problems. */
export interface HistoryHealth extends HistoryFacts {
  clock: Pick<ClockState, 'programTime' | 'agreedTime'>;
  layers: LayerHealth[];
  refresher: Omit<RefresherReport, 'problems' | 'strayKeys'> & { lagSeconds: number };
  missingReports: MissingReports[];
  differingDays: DifferingDay[];
  /** Transactions of other programs that have been open for long, or prevent a day from being closed. */
  transactions: OtherTransaction[];
  /** Problems that need an operator, in sentences; empty if there are none. */
  problems: string[];
}

@Injectable()
export class HistoryHealthService {
  private running: Promise<HistoryHealth> | undefined;

  constructor(
    private readonly health: HistoryHealthRepository,
    private readonly refresher: RefresherHealthService,
    private readonly clock: ClockService,
    private readonly guard: HistoryGuardService,
    private readonly transactions: TransactionsHealthService,
  ) {}

  /** Checks the database without changing it. It counts every row, so concurrent callers share one check. */
  check(): Promise<HistoryHealth> {
    this.running ??= this.runCheck().finally(() => (this.running = undefined));
    return this.running;
  }

  private async runCheck(): Promise<HistoryHealth> {
    const [facts, layers, policies, { problems, strayKeys, ...refresher }, clock, loss, others] =
      await Promise.all([
        this.health.facts(),
        this.health.layers(),
        this.health.failingPolicies(),
        this.refresher.check(),
        this.clock.check(),
        this.guard.inspect(),
        this.transactions.check(),
      ]);
    const lagSeconds = Math.max(facts.pendingSeconds ?? 0, facts.viewBehindSeconds ?? 0);
    return {
      ...facts,
      clock: { programTime: clock.programTime, agreedTime: clock.agreedTime },
      layers,
      refresher: { ...refresher, lagSeconds },
      missingReports: loss.missingReports,
      differingDays: loss.differingDays,
      transactions: others.transactions,
      problems: [
        ...(clock.problem === null ? [] : [clock.problem]),
        ...loss.problems,
        ...problemsOf(facts, { ...refresher, strayKeys }),
        ...policies.map(problemOf),
        ...problems,
        ...others.problems,
      ],
    };
  }
}

/** The state of the refreshers, and of the locks that they hold while they work on pending changes. */
type Workers = Pick<RefresherReport, 'listener' | 'locks' | 'strayKeys'>;

function problemsOf(facts: HistoryFacts, workers: Workers): string[] {
  const problems: string[] = [];
  if (facts.horizonDaysAhead > 0) {
    problems.push(
      `The horizon (${facts.horizon.toISOString()}) is ${describeDuration(facts.horizonDaysAhead * DAY_MS)} ahead of today: a clock was wrong. ` +
        'Reports before it are counted by day only, without hours. ' +
        (facts.horizonCanMoveBack
          ? 'To move it back run: tracker mend'
          : 'It cannot move back, because a day before it already has history. Wait until this time has passed'),
    );
  }
  if (facts.daysOverdue > 1) {
    problems.push(
      `${facts.daysOverdue} days are due to be closed: maintenance has not run, or fails. See the job maintenance, and the log for "maintenance"`,
    );
  }
  if (facts.pendingSeconds !== null && facts.pendingSeconds > MAX_PENDING_S) {
    problems.push(
      `Changes have been pending for ${facts.pendingSeconds} seconds: ${describeWorker('change_refresh', workers)}`,
    );
  }
  if (facts.viewIsEmpty) {
    problems.push(
      `The materialized view location_history is empty, though there is history: ${describeWorker('view_refresh', workers)}`,
    );
  } else if (facts.viewBehindSeconds !== null && facts.viewBehindSeconds > MAX_PENDING_S) {
    problems.push(
      `The materialized view location_history has been behind for ${facts.viewBehindSeconds} seconds: ` +
        describeWorker('view_refresh', workers),
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

/** Describes who holds the lock, or why no process does. */
function describeWorker(lock: string, { listener, locks, strayKeys }: Workers): string {
  const name = lockKey(lock);
  const holder = locks.find((held) => held.name === name);
  if (holder) return `${holder.holder} holds ${name} since ${holder.acquiredAt.toISOString()}`;
  const stray = strayKeys.find(({ key }) => key.endsWith(`:${redisLockName(lock)}`));
  if (stray) return `the refreshers are blocked by the key ${stray.key} in Redis, which none of them set`;
  if (listener.sessions > 0)
    return `no refresher is working on it, although some listen (sessions: ${listener.sessions}); see their log`;
  return 'no refresher is running';
}

function problemOf({ policy, failures, lastSuccess, error }: FailingPolicy): string {
  const since = lastSuccess ? `has not succeeded since ${lastSuccess.toISOString()}` : 'has never succeeded';
  return `The policy ${policy} of TimescaleDB ${since} (${failures} failures): ${error ?? 'see the log of the server'}`;
}
