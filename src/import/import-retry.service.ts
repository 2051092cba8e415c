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
  /** Name of the tracker that those are of which name none, or one that is unknown. */
  tracker?: string | undefined;
  /** Told after every batch what became of everything so far. */
  onProgress?: (counts: ImportSummary) => void;
}

/** Tries rejected reports again: after a tracker was registered, a device assigned, or more history is kept. */
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
   * Takes what can be taken out of the quarantine, each report exactly once, and leaves the rest there. A run of its own
   * in the ledger; the run that had rejected a report tells how many were taken later.
   *
   * @throws DomainError `NOT_FOUND` (the tracker, the run), `BAD_USER_INPUT` (no id, no reason).
   */
  async retry({ runId, reason, tracker, onProgress }: RetryOptions): Promise<ImportSummary> {
    if (reason !== undefined) checkReason(reason);
    const filter = { runId: runId === undefined ? undefined : parseId(runId, 'run'), reason };
    if (filter.runId !== undefined) await this.runs.requireRun(filter.runId);
    const assignedKey = tracker === undefined ? undefined : await this.names.keyOf(tracker, 'tracker');
    const what = [runId !== undefined && `of run ${runId}`, reason !== undefined && `as ${reason}`];
    const name = ['rejected', ...what.filter((part) => part !== false)].join(' ');

    const run = await this.runs.begin({ kind: 'retry', name, tracker }, 'retry', {});
    let summary: ImportSummary = { ...NOTHING_COUNTED, runId: run.id, format: 'retry', resumedAt: 0 };
    try {
      for (let after: string | null = '0'; after !== null;) {
        const from: string = after;
        const { until, ledger } = await this.ingest.transactions.run((session) =>
          this.quarantine.retry(session, run, filter, assignedKey, from, this.config.IMPORT_BATCH_SIZE),
        );
        after = until;
        summary = { ...summary, ...ledger };
        if (after !== null) onProgress?.(summary); // else there was nothing more
      }
      await this.runs.end(run, { outcome: 'completed' });
    } catch (error) {
      const known = this.runs.toDomainError(error);
      await this.runs.endFailed(run, known, false);
      throw known instanceof DomainError ? new ImportBrokenError(known, summary) : known;
    }
    return summary;
  }
}
