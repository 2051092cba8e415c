import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import type { SqlRunner } from '../database/server-capabilities.js';
import type { Session } from '../database/session.js';
import type { Transactions } from '../database/transactions.js';
import { fingerprintOf } from './fingerprint.js';
import { ImportRun } from './import-run.js';
import { type BegunRun, ImportRunsRepository, type RunDescription } from './import-runs.repository.js';
import { ImportBrokenError, type ImportSummary, type LedgerCounts } from './import-summary.js';
import { IngestRepository } from './ingest.repository.js';
import type { ReportSource } from './report-source.js';
import { openReportSource } from './sources/open-report-source.js';
import { type Assignment, type KeyFinder, TrackerNames } from './tracker-names.js';

/** What is wanted of an import besides its reports. */
export interface IntakeOptions extends Assignment, RunDescription {
  /** Id of the run, where it was queued before ({@link ImportService.queue}). */
  runId?: string;
  /** Tells whether an input that comes again is the same; where its run was interrupted, it goes on. */
  fingerprint?: string;
  /** Adds to the run of its kind, name and day: for sources that bring a report at a time. */
  standing?: boolean;
  /** Stores nothing; the ledger says what would have become of everything. */
  rehearse?: boolean;
  /** Told after every batch what became of everything so far, and which part of a file that was (0 to 1). */
  onProgress?: ((counts: LedgerCounts, part?: number) => void) | undefined;
  /** What else belongs into the transaction that stores the last batch and completes the run. */
  alongside?: (session: Session) => Promise<void>;
  /** Aborted, it ends the run as interrupted after what was read until then. */
  signal?: AbortSignal;
}

/** A run, and where its batches go. */
interface Place {
  run: BegunRun;
  transactions: Transactions;
}

/** The one way of every source of reports into the database and the ledger. */
@Injectable()
export class ImportService {
  constructor(
    private readonly ingest: IngestRepository,
    private readonly runs: ImportRunsRepository,
    private readonly names: TrackerNames,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /**
   * Takes in everything that a source holds. Memory does not grow with it. Safe to repeat: a report that is counted
   * already counts as a duplicate. Each batch is one transaction: its reports, what the ledger says of them, and how far
   * the source has been read.
   *
   * @throws DomainError `NOT_FOUND` (a tracker that is named), `CONFLICT` (the same input is being imported);
   * ImportBrokenError when the source fails further on, or the database does: what was read before is kept and counted
   * in it.
   */
  async takeIn(source: ReportSource, options: IntakeOptions): Promise<ImportSummary> {
    return this.take(source, await this.names.finder(options), options);
  }

  /**
   * Takes in a stream of bytes; its format is told by its content.
   *
   * @throws as {@link takeIn}, and DomainError `BAD_USER_INPUT` when the format is none that is taken; whatever the
   * stream fails with before it has begun, unchanged. The stream is destroyed in any case.
   */
  async importStream(input: Readable, options: IntakeOptions): Promise<ImportSummary> {
    input.on('error', () => undefined); // whoever reads it is told; it may fail before anybody does
    try {
      const finder = await this.names.finder(options);
      return await this.take(await openReportSource(options.name, input), finder, options);
    } finally {
      input.destroy();
    }
  }

  /**
   * Takes in a file. The same file, asked for in the same way, goes on where its import was interrupted.
   *
   * @throws as {@link importStream}; the file system's errors (ENOENT, EISDIR) are unchanged.
   */
  async importFile(
    file: string,
    options: Pick<IntakeOptions, 'tracker' | 'map' | 'rehearse' | 'onProgress' | 'signal'> = {},
  ): Promise<ImportSummary> {
    await this.names.finder(options); // a name that nobody has is told before a large file is read
    const asked = [options.tracker, [...(options.map ?? [])].sort()];
    const { fingerprint, size } = await fingerprintOf(file, asked);
    const input = createReadStream(file, { highWaterMark: 1 << 16 });
    return this.importStream(input, {
      ...options,
      kind: 'file',
      name: file,
      onProgress: (counts) => options.onProgress?.(counts, input.bytesRead / size),
      ...(options.rehearse !== true && { fingerprint }),
    });
  }

  /** Notes a run that is to begin later, so that its id can be told now; {@link takeIn} begins it by this id. */
  queue(description: RunDescription, session?: SqlRunner): Promise<string> {
    return this.runs.queue(description, session);
  }

  private async take(
    source: ReportSource,
    finder: KeyFinder,
    options: IntakeOptions,
  ): Promise<ImportSummary> {
    if (options.rehearse !== true) {
      const run = await this.begin(source.format, options);
      return this.work(source, finder, options, { run, transactions: this.ingest.transactions });
    }
    const rehearsal = await this.ingest.rehearse();
    try {
      const run = await rehearsal.run((session) => this.runs.begin(options, source.format, {}, session));
      return await this.work(source, finder, options, { run, transactions: rehearsal });
    } finally {
      await rehearsal.discard();
    }
  }

  private async begin(format: string, options: IntakeOptions): Promise<BegunRun> {
    if (options.standing === true) return this.runs.standing(options, format);
    const { runId, fingerprint } = options;
    const run = await this.runs.begin(options, format, { queued: runId, fingerprint });
    // A queued run that was interrupted begins anew: its source need not give again what it gave then.
    return runId === undefined ? run : { ...run, reportsGiven: 0, itemsGiven: 0 };
  }

  private async work(
    source: ReportSource,
    finder: KeyFinder,
    options: IntakeOptions,
    place: Place,
  ): Promise<ImportSummary> {
    const { IMPORT_BATCH_SIZE, IMPORT_QUARANTINE_LIMIT } = this.config;
    const run = new ImportRun(
      {
        transactions: place.transactions,
        fill: (session, batch) => this.ingest.fill(session, batch),
        takeIn: (session, batch) => this.ingest.takeIn(session, place.run, batch, IMPORT_QUARANTINE_LIMIT),
        onProgress: options.onProgress,
      },
      place.run,
      finder,
      source.format,
      IMPORT_BATCH_SIZE,
    );
    try {
      for await (const { reports, rejected, alongside } of source.batches()) {
        options.signal?.throwIfAborted();
        await run.add(reports, rejected);
        if (alongside) await run.finish(alongside);
      }
      await run.finish(async (session) => {
        await options.alongside?.(session);
        await this.runs.end(place.run, { outcome: 'completed' }, session);
      });
    } catch (error) {
      throw await this.broken(run, options, place, source.format, error);
    }
    return summaryOf(run, options, place, source.format);
  }

  /** Keeps what was gathered before a failure, ends the run, and says what is to be thrown. */
  private async broken(
    run: ImportRun,
    options: IntakeOptions,
    place: Place,
    format: string,
    error: unknown,
  ): Promise<unknown> {
    // Where the database has failed, this fails again, and says why.
    const cause = await run.finish().then(
      () => error,
      (failure: unknown) => failure,
    );
    const known = this.runs.toDomainError(cause);
    if (options.rehearse !== true)
      await this.runs.endFailed(place.run, known, options.signal?.aborted === true);
    return known instanceof DomainError
      ? new ImportBrokenError(known, summaryOf(run, options, place, format))
      : known;
  }
}

function summaryOf(
  { counts }: ImportRun,
  { rehearse }: IntakeOptions,
  { run }: Place,
  format: string,
): ImportSummary {
  return {
    ...counts,
    runId: rehearse === true ? null : run.id,
    format,
    resumedAt: run.reportsGiven + run.itemsGiven,
  };
}
