import { Injectable } from '@nestjs/common';
import { parseId } from '../common/id.js';
import {
  type LedgerFilter,
  ImportLedgerRepository,
  type LedgerRun,
  type LedgerTracker,
} from './import-ledger.repository.js';
import {
  type RejectedFilter,
  type RejectedReport,
  RejectedReportsRepository,
} from './rejected-reports.repository.js';
import { checkReason } from './rejection-reasons.js';

/** Trackers of a run that are told; it may have brought reports of any number. */
export const TRACKERS_OF_A_RUN = 1000;

/** Each may have tens of thousands of reports in the quarantine. */
const RUNS_FORGOTTEN_AT_A_TIME = 50;

/** Tells what became of imports. */
@Injectable()
export class ImportLedgerService {
  constructor(
    private readonly ledger: ImportLedgerRepository,
    private readonly quarantine: RejectedReportsRepository,
  ) {}

  /** The newest first. @throws DomainError `BAD_USER_INPUT` when `before` is no id. */
  runs(filter: LedgerFilter, before: string | null | undefined, limit: number): Promise<LedgerRun[]> {
    return this.ledger.find(filter, before == null ? undefined : parseId(before, 'before'), limit);
  }

  /** The run with this id, or null. @throws DomainError `BAD_USER_INPUT` when it is no id at all. */
  run(id: string): Promise<LedgerRun | null> {
    return this.ledger.get(parseId(id, 'id'));
  }

  /** For each run, in the order of the ids, the trackers that it brought most of. One statement. */
  async trackersOf(runIds: readonly string[]): Promise<LedgerTracker[][]> {
    const found = await this.ledger.trackersOf(runIds, TRACKERS_OF_A_RUN);
    const byRun = new Map<string, LedgerTracker[]>(runIds.map((id) => [id, []]));
    for (const tracker of found) byRun.get(tracker.runId)?.push(tracker);
    return runIds.map((id) => byRun.get(id) ?? []);
  }

  /** In the order in which they were rejected. @throws DomainError `BAD_USER_INPUT` when something is no id, or no reason. */
  rejected(
    filter: RejectedFilter,
    after: string | null | undefined,
    limit: number,
  ): Promise<RejectedReport[]> {
    if (filter.reason != null) checkReason(filter.reason);
    const runId = filter.runId == null ? undefined : parseId(filter.runId, 'runId');
    return this.quarantine.find({ ...filter, runId }, after == null ? '0' : parseId(after, 'after'), limit);
  }

  /**
   * Forgets imports that ended longer ago, with what is left of them in the quarantine; in small transactions.
   *
   * @returns how many.
   */
  async forget(days: number, signal: AbortSignal): Promise<number> {
    await this.ledger.closeOrphaned();
    let forgotten = 0;
    for (let batch = 1; batch > 0 && !signal.aborted; forgotten += batch) {
      batch = await this.ledger.forget(days, RUNS_FORGOTTEN_AT_A_TIME);
    }
    return forgotten;
  }
}
