import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import type { ImportRun } from '../import/import-run.js';
import { ImportService } from '../import/import.service.js';
import { ImportBrokenError, type ImportSummary } from '../import/import-summary.js';
import type { SourceBatch } from '../import/report-source.js';
import type { FetchTally } from './fetch-summary.js';
import { FetchesRepository, type Lease } from './fetches.repository.js';
import { NotAnsweredError } from './find-my-endpoint.js';
import { LeaseLostError, TrackerFetcher } from './tracker-fetcher.js';

const FORMAT = 'find-my';
/** How often to check whether other processes have finished their trackers. */
const POLL_OTHERS_MS = 500;

/** The ids of the trackers that a loop fetches; null: every wanted tracker. */
export type FetchScope = readonly string[] | null;

export interface FetchLoopOptions {
  scope: FetchScope;
  /** Keep polling until no tracker in the scope is wanted: another process may die before it fetched its tracker. */
  waitForOthers: boolean;
  tally: FetchTally;
  signal: AbortSignal;
}

/**
 * Leases one tracker after the other, fetches it and imports its reports.
 *
 * A tracker is marked as answered in the transaction that stores its reports. If a process dies before, its lease
 * expires and another process fetches the tracker.
 */
@Injectable()
export class FetchLoop {
  private readonly logger = new Logger(FetchLoop.name);

  constructor(
    private readonly fetches: FetchesRepository,
    private readonly fetcher: TrackerFetcher,
    private readonly imports: ImportService,
  ) {}

  /**
   * Fetches until no tracker is left. A tracker that a user requested is imported by the run queued for it; all others
   * share one run, which begins with the first of them.
   *
   * @returns the ledger of the shared run; null when there was none.
   * @throws DomainError when fetching cannot go on; ImportBrokenError if the shared run has begun.
   */
  async run(options: FetchLoopOptions): Promise<ImportSummary | null> {
    let shared: ImportRun | undefined;
    try {
      for (let lease = await this.leaseNext(options); lease; lease = await this.leaseNext(options)) {
        try {
          if (lease.runId !== null) await this.fetchForRun(lease, lease.runId, options);
          else await this.fetchInto((shared ??= await this.beginShared()), lease, options);
        } finally {
          await this.fetches.releaseLease(lease); // does nothing if the attempt has ended
        }
      }
      return (await shared?.complete()) ?? null;
    } catch (error) {
      throw shared ? await shared.fail(error, options.signal.aborted) : error;
    }
  }

  /** Leases the next tracker; null when there is none. */
  private async leaseNext({ scope, waitForOthers, signal }: FetchLoopOptions): Promise<Lease | null> {
    for (;;) {
      signal.throwIfAborted();
      const lease = await this.fetches.leaseNext(randomUUID(), this.fetcher.leaseMs, scope);
      if (lease || !waitForOthers || (await this.fetches.countWanted(scope)) === 0) return lease;
      await sleep(POLL_OTHERS_MS, undefined, { signal });
    }
  }

  /** Begins the shared run, unless the configuration is invalid: another process may be able to fetch. */
  private async beginShared(): Promise<ImportRun> {
    await this.fetcher.verify();
    return this.imports.begin(FORMAT, { kind: 'find-my', name: this.fetcher.sourceName });
  }

  /** Fetches one tracker into the shared run. A missing answer is the tracker's failure, not the run's. */
  private async fetchInto(run: ImportRun, lease: Lease, { tally, signal }: FetchLoopOptions): Promise<void> {
    const { tracker } = lease;
    try {
      const answer = await this.fetcher.fetch(lease, run.nextPosition, signal);
      signal.throwIfAborted();
      await run.add(answer, (session) => this.fetches.completeAnswered(lease, session));
      tally.add({ tracker, reports: sizeOf(answer) });
    } catch (error) {
      if (error instanceof LeaseLostError) return;
      if (!(error instanceof NotAnsweredError)) throw error;
      await this.fetches.completeUnanswered(lease, error.message);
      tally.add({ tracker, failure: error.message });
    }
  }

  /** Fetches one tracker for the run queued for it. A missing answer fails that run and nothing else. */
  private async fetchForRun(lease: Lease, runId: string, options: FetchLoopOptions): Promise<void> {
    const { tracker } = lease;
    const { tally, signal } = options;
    const run = await this.imports.begin(FORMAT, { kind: 'find-my', name: this.fetcher.sourceName, runId });
    try {
      const answer = await this.requireAnswer(lease, options);
      signal.throwIfAborted();
      await run.add(answer);
      await run.complete((session) => this.fetches.completeAnswered(lease, session));
      tally.add({ tracker, reports: sizeOf(answer) });
    } catch (error) {
      const failure = await run.fail(error, signal.aborted);
      signal.throwIfAborted();
      if (!(failure instanceof ImportBrokenError)) throw failure;
      this.logger.warn(`run ${runId}, tracker ${JSON.stringify(tracker)}: ${failure.message}`);
    }
  }

  private async requireAnswer(lease: Lease, { tally, signal }: FetchLoopOptions): Promise<SourceBatch> {
    try {
      return await this.fetcher.fetch(lease, 1, signal);
    } catch (error) {
      signal.throwIfAborted();
      const failure = error instanceof Error ? error.message : String(error);
      await this.fetches.completeUnanswered(lease, failure);
      tally.add({ tracker: lease.tracker, failure });
      if (!(error instanceof NotAnsweredError)) throw error;
      throw new DomainError('UNAVAILABLE', `The Find My endpoint did not answer: ${failure}`, {
        cause: error,
      });
    }
  }
}

function sizeOf({ reports, rejected }: SourceBatch): number {
  return reports.length + rejected.length;
}
