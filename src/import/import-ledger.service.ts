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

/** Trackers shown for a run, which may have reports of any number. */
export const TRACKERS_OF_A_RUN = 1000;

/** Bounds a transaction: each run may have tens of thousands of reports in the quarantine. */
const RUNS_PER_DELETE = 50;

/** Shows the results of imports. */
@Injectable()
export class ImportLedgerService {
  constructor(
    private readonly ledger: ImportLedgerRepository,
    private readonly quarantine: RejectedReportsRepository,
  ) {}

  /** Newest first. @throws DomainError `BAD_USER_INPUT` when `before` is not an id. */
  runs(filter: LedgerFilter, before: string | null | undefined, limit: number): Promise<LedgerRun[]> {
    return this.ledger.find(filter, before == null ? undefined : parseId(before, 'before'), limit);
  }

  /** The run with this id, or null. @throws DomainError `BAD_USER_INPUT` when it is not an id. */
  run(id: string): Promise<LedgerRun | null> {
    return this.ledger.get(parseId(id, 'id'));
  }

  /** For each run, in the order of the ids, the trackers with the most reports. One statement. */
  async trackersOf(runIds: readonly string[]): Promise<LedgerTracker[][]> {
    const found = await this.ledger.trackersOf(runIds, TRACKERS_OF_A_RUN);
    const byRun = new Map<string, LedgerTracker[]>(runIds.map((id) => [id, []]));
    for (const tracker of found) byRun.get(tracker.runId)?.push(tracker);
    return runIds.map((id) => byRun.get(id) ?? []);
  }

  /** In the order of rejection. @throws DomainError `BAD_USER_INPUT` for an invalid id or an unknown reason. */
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
   * Deletes imports that ended more than `days` days ago, with their rejected reports, in small transactions.
   *
   * @returns how many.
   */
  async deleteOld(days: number, signal: AbortSignal): Promise<number> {
    await this.ledger.closeOrphaned();
    let deleted = 0;
    for (let batch = 1; batch > 0 && !signal.aborted; deleted += batch) {
      batch = await this.ledger.deleteOld(days, RUNS_PER_DELETE);
    }
    return deleted;
  }
}
