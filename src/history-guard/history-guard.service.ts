import { Injectable } from '@nestjs/common';
import { AggregatesService } from '../aggregates/aggregates.service.js';
import { ClockService } from '../clock/clock.service.js';
import { retryTransient } from '../database/retry.js';
import {
  type DamagedDay,
  type DifferingDay,
  type UnwantedPolicy,
  HistoryGuardRepository,
  type RepairedHorizon,
  type MissingReports,
} from './history-guard.repository.js';

export type { DamagedDay, DifferingDay, RepairedHorizon, MissingReports };

/** Name of the job that checks every hour. */
export const HISTORY_CHECK = 'history_check';

const DAY_MS = 86_400_000;
/** At most this many losses are listed one by one; the rest is summed up. */
const NAMED_DAYS = 10;

/** History that something other than this product removed or changed, or will remove. */
export interface HistoryLoss {
  missingReports: MissingReports[];
  /** Days that still have their raw reports; `tracker mend` recomputes them. */
  differingDays: DifferingDay[];
  /** What is wrong and what to do about it; empty when all is well. */
  problems: string[];
}

/** Result of `mend()`, or of its plan. */
export interface Mending {
  horizon: RepairedHorizon;
  /** Reports to import again, by day. */
  days: DamagedDay[];
  /** Days above the horizon, as YYYY-MM-DD, whose aggregates were recomputed from their raw reports. */
  recomputed: string[];
}

/** Detects history that something other than this product removed or changed, and repairs it. */
@Injectable()
export class HistoryGuardService {
  constructor(
    private readonly repository: HistoryGuardRepository,
    private readonly clock: ClockService,
    private readonly aggregates: AggregatesService,
  ) {}

  /** Compares every day with its recorded number of reports; changes nothing. */
  async inspect(): Promise<HistoryLoss> {
    const [missingReports, allDifferingDays, policies] = await Promise.all([
      this.repository.missingReports(),
      this.repository.differingDays(),
      this.repository.unwantedPolicies(),
    ]);
    const rest = missingReports.slice(NAMED_DAYS);
    const differingDays = allDifferingDays.filter(
      ({ day }) => !missingReports.some((missing) => missing.day === day),
    );
    return {
      missingReports,
      differingDays,
      problems: [
        ...policies.map(describePolicy),
        ...missingReports.slice(0, NAMED_DAYS).map(describeMissing),
        ...(rest.length > 0 ? [describeRest(rest)] : []),
        ...differingDays.map(describeDiffering),
      ],
    };
  }

  /** Like `inspect()`, and records the reports that arrived since the last check. */
  async check(): Promise<HistoryLoss> {
    const loss = await this.inspect();
    await this.repository.recordDays();
    return loss;
  }

  /** The result that mend() would have; changes nothing. */
  async plan(): Promise<Mending> {
    const [horizon, days, differing] = await Promise.all([
      this.repository.planHorizon(),
      this.repository.damagedDays(),
      this.repository.differingDays(),
    ]);
    return { horizon, days, recomputed: differing.map(({ day }) => day) };
  }

  /**
   * Moves back a horizon that is after today, as far as that changes no history. Resets the counts of damaged days, so
   * that each of their reports counts once when it is imported again. Recomputes days above the horizon whose
   * aggregates differ from their raw reports.
   *
   * @throws DomainError `CONFLICT` when the clocks disagree: then the correct horizon is unknown.
   */
  async mend(): Promise<Mending> {
    await this.clock.settle();
    const horizon = await retryTransient(() => this.repository.mendHorizon());
    const days = await this.repository.recountDamagedDays();
    const differing = await this.repository.differingDays();
    for (const { day } of differing) {
      const start = new Date(`${day}T00:00:00Z`);
      await this.aggregates.recompute(start, new Date(start.getTime() + DAY_MS));
    }
    return { horizon, days, recomputed: differing.map(({ day }) => day) };
  }

  /** Accepts that the missing reports are lost. @returns what was lost. */
  async acceptLoss(): Promise<MissingReports[]> {
    const missing = await this.repository.missingReports();
    await this.repository.acceptMissing();
    return missing;
  }
}

const ACCEPT_LOSS = 'To stop reporting them run: tracker mend --accept-loss';

function describeMissing({ day, layer, expected, found }: MissingReports): string {
  const missing = expected - found;
  switch (layer) {
    case 'raw':
      return (
        `${day}: ${missing} of ${expected} raw reports are missing: something other than the product removed them ` +
        `(a dropped chunk or partition, a retention policy). Run tracker mend, and import the files of that day again. ${ACCEPT_LOSS}`
      );
    case 'daily':
      return (
        `${day}: the daily history has lost ${missing} of ${expected} reports: something other than the product removed rows. ` +
        `Run tracker mend, and import the files of that day again. ${ACCEPT_LOSS}`
      );
    case 'identities':
      return (
        `${day}: the identities of ${missing} of ${expected} reports are missing: imported again, these reports would count ` +
        `twice. Restore report_identities of that day from a backup. ${ACCEPT_LOSS}`
      );
  }
}

function describeRest(missing: readonly MissingReports[]): string {
  const reports = missing.reduce((sum, { expected, found }) => sum + expected - found, 0);
  const [first, last] = [missing[0]?.day, missing.at(-1)?.day];
  return `And ${reports} more from ${first} to ${last}: tracker doctor --json lists each day under missingReports`;
}

function describeDiffering({ day, reports, counted }: DifferingDay): string {
  return (
    `${day}: its hourly or daily rows count ${counted} reports, but there are ${reports}: something other than the product ` +
    'changed rows. Run tracker mend'
  );
}

function describePolicy({ relation, policy, remedy }: UnwantedPolicy): string {
  return (
    `A retention policy of TimescaleDB on ${relation} (${policy}) removes data that only this program may remove, so days are ` +
    `lost. Remove the policy: ${remedy}`
  );
}
