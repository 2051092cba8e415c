import { Injectable, Logger } from '@nestjs/common';
import { ClockService } from '../clock/clock.service.js';
import { retryTransient } from '../database/retry.js';
import {
  type DamagedDay,
  type ForeignPolicy,
  HistoryGuardRepository,
  type MendedHorizon,
  type MissingReports,
  type NotedDays,
} from './history-guard.repository.js';

export type { DamagedDay, MendedHorizon };

/** Name of the job that looks every hour. */
export const HISTORY_CHECK = 'history_check';

/** Days that are named one by one; of more only the number. */
const NAMED_DAYS = 10;

/** What `mend()` did or would do. */
export interface Mending {
  horizon: MendedHorizon;
  /** Reports to import again, by day. */
  days: DamagedDay[];
}

/** Sees what was removed from history past the product, and helps to get it back. */
@Injectable()
export class HistoryGuardService {
  private readonly logger = new Logger('HistoryGuard');
  private remembered: NotedDays | null = null;

  constructor(
    private readonly repository: HistoryGuardRepository,
    private readonly clock: ClockService,
  ) {}

  /** What is missing, or will be, as sentences that say what to do; empty when all is well. Reads all days. */
  async problems(): Promise<string[]> {
    const [missing, policies] = await Promise.all([
      this.repository.missingReports(),
      this.repository.foreignPolicies(),
    ]);
    const named = missing.slice(0, NAMED_DAYS).map(describeMissing);
    const more = missing.length - named.length;
    return [
      ...policies.map(describePolicy),
      ...named,
      ...(more > 0 ? [`Reports are missing of ${more} more days: tracker doctor --json has them all`] : []),
    ];
  }

  /** Looks as problems() does, and notes what came since the last look. */
  async check(): Promise<string[]> {
    const problems = await this.problems();
    await this.repository.noteDays();
    return problems;
  }

  /**
   * Compares what is noted with what this process remembers of its last look. The time that was agreed on never goes back,
   * so where it has, an older backup was restored; what this process remembers is what the database should have then.
   */
  async remember(): Promise<void> {
    const noted = await this.repository.noted();
    const { remembered } = this;
    if (remembered && noted.agreedTime < remembered.agreedTime) {
      await this.repository.expect(remembered.days);
      this.logger.warn(
        `The database went back from ${remembered.agreedTime.toISOString()} to ${noted.agreedTime.toISOString()}: an older ` +
          'backup was restored. Import the files of that time again; tracker doctor names the days of which reports are missing',
      );
    }
    this.remembered = noted;
  }

  /** What mend() would do. */
  async plan(): Promise<Mending> {
    const [horizon, days] = await Promise.all([
      this.repository.mendedHorizon(),
      this.repository.damagedDays(),
    ]);
    return { horizon, days };
  }

  /**
   * Moves a horizon that has run ahead back, as far as no day of history is touched; and has days that were damaged
   * counted anew, so that each of their reports counts once when it is imported again.
   *
   * @throws DomainError `CONFLICT` where the clocks are apart, so that nobody knows where the horizon belongs.
   */
  async mend(): Promise<Mending> {
    await this.clock.settle();
    const horizon = await retryTransient(() => this.repository.mendHorizon());
    return { horizon, days: await this.repository.recountDamagedDays() };
  }

  /** Gives up what is missing: what is there is all that there should be. @returns the sentences that are gone then. */
  async acceptLoss(): Promise<string[]> {
    const problems = await this.problems();
    await this.repository.acceptMissing();
    return problems;
  }
}

const GIVE_UP = 'To give them up run: tracker mend --accept-loss';

function describeMissing({ day, layer, expected, found }: MissingReports): string {
  const missing = expected - found;
  switch (layer) {
    case 'raw':
      return (
        `${day}: ${missing} of ${expected} raw reports are missing: they were removed past the product ` +
        `(a dropped chunk or partition, a retention policy). Import the files of that day again. ${GIVE_UP}`
      );
    case 'daily':
      return (
        `${day}: the daily history has lost ${missing} of ${expected} reports: rows were removed past the product. ` +
        `Run tracker mend, and import the files of that day again. ${GIVE_UP}`
      );
    case 'identities':
      return (
        `${day}: the identities of ${missing} of ${expected} reports are missing: imported again, these reports would count ` +
        `twice. Restore report_identities of that day from a backup. To go on without run: tracker mend --accept-loss`
      );
  }
}

function describePolicy({ relation, policy, remedy }: ForeignPolicy): string {
  return (
    `A retention policy of TimescaleDB is on ${relation} (${policy}): it removes what only this program may remove, and ` +
    `days are lost. Remove it: ${remedy}`
  );
}
