import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import type { SqlRunner } from '../database/server-capabilities.js';
import type { Transactions } from '../database/transactions.js';
import { BatchWriter } from './batch-writer.js';
import { fingerprintOf } from './fingerprint.js';
import { ImportRun } from './import-run.js';
import { type StartedRun, ImportRunsRepository, type RunDescription } from './import-runs.repository.js';
import type { ImportSummary, LedgerCounts } from './import-summary.js';
import { IngestRepository } from './ingest.repository.js';
import type { ReportSource } from './report-source.js';
import { openReportSource } from './sources/open-report-source.js';
import { type Assignment, type KeyFinder, TrackerNames } from './tracker-names.js';

export interface ImportOptions extends Assignment, RunDescription {
  /** Id of a run that {@link ImportService.queue} has created. */
  runId?: string;
  /** Identifies the input: a run of the same fingerprint that was interrupted is resumed. */
  fingerprint?: string;
  /** Adds to the run of this kind, name and day (UTC), for senders that post one report at a time. */
  dailyRun?: boolean;
  /** Stores nothing; the summary shows what an import would do. */
  dryRun?: boolean;
  /** Called after every batch with the counts so far and, for a file, the fraction read (0 to 1). */
  onProgress?: ((counts: LedgerCounts, fraction?: number) => void) | undefined;
  /** When aborted, the run stores what it has read and ends as interrupted. */
  signal?: AbortSignal;
}

export type FileOptions = Pick<ImportOptions, 'tracker' | 'map' | 'dryRun' | 'onProgress' | 'signal'>;

/**
 * Imports reports. They pass through: source -> {@link ImportRun}, which fills batches -> {@link BatchWriter}, which
 * stores each in one transaction together with its ledger entries. Memory use does not grow with the input.
 *
 * Importing the same input twice is safe: known reports count as duplicates.
 */
@Injectable()
export class ImportService {
  constructor(
    private readonly ingest: IngestRepository,
    private readonly runs: ImportRunsRepository,
    private readonly names: TrackerNames,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Creates a run that {@link begin} starts later, by its `runId`. @returns its id. */
  queue(description: RunDescription, session?: SqlRunner): Promise<string> {
    return this.runs.queue(description, session);
  }

  /**
   * Imports a file. When an import of the same file with the same options was interrupted, resumes it.
   *
   * @throws as {@link importStream}; file system errors (ENOENT, EISDIR) pass unchanged.
   */
  async importFile(file: string, options: FileOptions = {}): Promise<ImportSummary> {
    const keys = await this.names.keyFinder(options); // reports an unknown tracker before reading a large file
    const { fingerprint, size } = await fingerprintOf(file, [
      options.tracker,
      [...(options.map ?? [])].sort(),
    ]);
    const input = createReadStream(file, { highWaterMark: 1 << 16 });
    return this.importBytes(input, keys, {
      ...options,
      kind: 'file',
      name: file,
      onProgress: (counts) => options.onProgress?.(counts, input.bytesRead / size),
      ...(options.dryRun !== true && { fingerprint }),
    });
  }

  /**
   * Imports a stream of bytes and destroys it. The content decides the format.
   *
   * @throws as {@link importSource}; DomainError `BAD_USER_INPUT` for an unsupported format; an error of the stream
   * before its first byte passes unchanged.
   */
  async importStream(input: Readable, options: ImportOptions): Promise<ImportSummary> {
    input.on('error', () => undefined); // the reader gets the error; the stream may fail before there is a reader
    try {
      return await this.importBytes(input, await this.names.keyFinder(options), options);
    } finally {
      input.destroy();
    }
  }

  /**
   * Imports everything that a source yields.
   *
   * @throws DomainError `NOT_FOUND` (unknown tracker), `CONFLICT` (another process is importing the same input);
   * ImportBrokenError when the source or the database fails later; its summary counts what was stored before.
   */
  async importSource(source: ReportSource, options: ImportOptions): Promise<ImportSummary> {
    return this.importFrom(source, await this.names.keyFinder(options), options);
  }

  /**
   * Begins a run to which the caller adds the batches, for sources that wait between two batches.
   *
   * @throws DomainError as {@link importSource}.
   */
  async begin(format: string, options: Omit<ImportOptions, 'dryRun'>): Promise<ImportRun> {
    return this.beginRun(format, await this.names.keyFinder(options), options, this.ingest.transactions);
  }

  private async importBytes(
    input: Readable,
    keys: KeyFinder,
    options: ImportOptions,
  ): Promise<ImportSummary> {
    try {
      return await this.importFrom(await openReportSource(options.name, input), keys, options);
    } finally {
      input.destroy();
    }
  }

  private async importFrom(
    source: ReportSource,
    keys: KeyFinder,
    options: ImportOptions,
  ): Promise<ImportSummary> {
    const { signal } = options;
    const dryRun = options.dryRun === true ? await this.ingest.beginDryRun() : undefined;
    try {
      const run = await this.beginRun(source.format, keys, options, dryRun ?? this.ingest.transactions);
      try {
        for await (const batch of source.batches()) {
          signal?.throwIfAborted();
          await run.add(batch);
        }
        return await run.complete();
      } catch (error) {
        throw await run.fail(error, signal?.aborted === true);
      }
    } finally {
      await dryRun?.discard();
    }
  }

  private async beginRun(
    format: string,
    keys: KeyFinder,
    options: ImportOptions,
    transactions: Transactions,
  ): Promise<ImportRun> {
    const { IMPORT_BATCH_SIZE: batchSize, IMPORT_QUARANTINE_LIMIT: quarantineLimit } = this.config;
    const { dryRun = false, onProgress } = options;
    const begun = dryRun
      ? await transactions.run((session) => this.runs.begin(options, format, {}, session))
      : await this.beginInLedger(format, options);
    const writer = new BatchWriter(this.ingest, transactions, begun, { quarantineLimit, onProgress });
    return new ImportRun(writer, this.runs, keys, begun, { format, batchSize, dryRun });
  }

  private async beginInLedger(format: string, options: ImportOptions): Promise<StartedRun> {
    if (options.dailyRun === true) return this.runs.dailyRun(options, format);
    const { runId, fingerprint } = options;
    const run = await this.runs.begin(options, format, { queued: runId, fingerprint });
    // A queued run that was interrupted starts over: its source may not yield the same reports again.
    return runId === undefined ? run : { ...run, reportsProcessed: 0, itemsProcessed: 0 };
  }
}
