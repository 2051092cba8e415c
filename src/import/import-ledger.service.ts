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

/** Maximum number of trackers returned for a run. */
const MAX_TRACKERS_PER_RUN = 1000;

/** Runs deleted per transaction: each may have tens of thousands of reports in the quarantine. */
const RUNS_PER_DELETE = 50;

/** Reads the results of imports, and deletes old ones. */
@Injectable()
export class ImportLedgerService {
  constructor(
    private readonly ledger: ImportLedgerRepository,
    private readonly quarantine: RejectedReportsRepository,
  ) {}

  /** Returns runs, newest first. @throws DomainError `BAD_USER_INPUT` when `before` is not an id. */
  runs(filter: LedgerFilter, before: string | null | undefined, limit: number): Promise<LedgerRun[]> {
    return this.ledger.find(filter, before == null ? undefined : parseId(before, 'before'), limit);
  }

  /** The run with this id, or null. @throws DomainError `BAD_USER_INPUT` when it is not an id. */
  run(id: string): Promise<LedgerRun | null> {
    return this.ledger.get(parseId(id, 'id'));
  }

  /** Returns the trackers with the most reports of each run, in the order of the ids. One statement. */
  async trackersOf(runIds: readonly string[]): Promise<LedgerTracker[][]> {
    const found = await this.ledger.trackersOf(runIds, MAX_TRACKERS_PER_RUN);
    const byRun = new Map<string, LedgerTracker[]>(runIds.map((id) => [id, []]));
    for (const tracker of found) byRun.get(tracker.runId)?.push(tracker);
    return runIds.map((id) => byRun.get(id) ?? []);
  }

  /** Returns reports in the order of rejection. @throws DomainError `BAD_USER_INPUT`: invalid id or unknown reason. */
  rejected(
    filter: RejectedFilter,
    after: string | null | undefined,
    limit: number,
  ): Promise<RejectedReport[]> {
    if (filter.reason != null) checkReason(filter.reason);
    const runId = filter.runId == null ? undefined : parseId(filter.runId, 'runId');
    return this.quarantine.find({ ...filter, runId }, after == null ? '0' : parseId(after, 'after'), limit);
  }

  /** Marks imports whose process has ended as interrupted. */
  closeOrphaned(): Promise<void> {
    return this.ledger.closeOrphaned();
  }

  /**
   * Deletes imports that ended more than `days` days ago, with their rejected reports, in small transactions.
   *
   * @returns the number deleted.
   */
  async deleteOld(days: number, signal: AbortSignal): Promise<number> {
    let deleted = 0;
    for (let batch = 1; batch > 0 && !signal.aborted; deleted += batch) {
      batch = await this.ledger.deleteOld(days, RUNS_PER_DELETE);
    }
    return deleted;
  }
}
