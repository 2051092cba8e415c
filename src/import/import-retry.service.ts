import { Inject, Injectable } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { ImportRunsRepository } from './import-runs.repository.js';
import { ImportBrokenError, type ImportSummary, NOTHING_COUNTED } from './import-summary.js';
import { IngestRepository } from './ingest.repository.js';
import { type RejectedFilter, RejectedReportsRepository } from './rejected-reports.repository.js';
import { checkReason } from './rejection-reasons.js';
import { TrackerNames } from './tracker-names.js';
import { DomainError } from '../common/errors/domain-error.js';
import { parseId } from '../common/id.js';

export interface RetryOptions extends RejectedFilter {
  /** Tracker for reports that name none, or an unknown one. */
  tracker?: string | undefined;
  /** Called after every batch with the summary so far. */
  onProgress?: (summary: ImportSummary) => void;
}

/** Retries rejected reports, e.g. after a tracker was registered, a device was assigned or retention was extended. */
@Injectable()
export class ImportRetryService {
  constructor(
    private readonly ingest: IngestRepository,
    private readonly runs: ImportRunsRepository,
    private readonly quarantine: RejectedReportsRepository,
    private readonly names: TrackerNames,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /**
   * Moves the reports that are now accepted from the quarantine into the history, each exactly once, and leaves the
   * others. The retry is a run of its own in the ledger; the run that rejected a report shows how many were accepted
   * later.
   *
   * @throws DomainError `NOT_FOUND` (tracker or run), `BAD_USER_INPUT` (invalid id, unknown reason).
   */
  async retry({ runId, reason, tracker, onProgress }: RetryOptions): Promise<ImportSummary> {
    if (reason !== undefined) checkReason(reason);
    const filter = { runId: runId === undefined ? undefined : parseId(runId, 'run'), reason };
    if (filter.runId !== undefined) await this.runs.requireRun(filter.runId);
    const assignedKey = tracker === undefined ? undefined : await this.names.keyOf(tracker, 'tracker');
    const conditions = [runId !== undefined && `of run ${runId}`, reason !== undefined && `as ${reason}`];
    const name = ['rejected', ...conditions.filter((part) => part !== false)].join(' ');

    const run = await this.runs.begin({ kind: 'retry', name, tracker }, 'retry', {});
    let summary: ImportSummary = { ...NOTHING_COUNTED, runId: run.id, format: 'retry', resumedAt: 0 };
    try {
      for (let after: string | null = '0'; after !== null;) {
        const from: string = after;
        const { lastId, ledger } = await this.ingest.transactions.run((session) =>
          this.quarantine.retry(session, run, filter, assignedKey, from, this.config.IMPORT_BATCH_SIZE),
        );
        after = lastId;
        summary = { ...summary, ...ledger };
        if (after !== null) onProgress?.(summary); // null: nothing was left to retry
      }
      await this.runs.end(run, { outcome: 'completed' });
    } catch (error) {
      const failure = this.runs.toDomainError(error);
      await this.runs.endFailed(run, failure, false);
      throw failure instanceof DomainError ? new ImportBrokenError(failure, summary) : failure;
    }
    return summary;
  }
}
