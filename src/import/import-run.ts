import { DomainError } from '../common/errors/domain-error.js';
import { BATCHES_IN_FLIGHT, type BatchWriter, type SameTransaction } from './batch-writer.js';
import type { StartedRun, ImportRunsRepository } from './import-runs.repository.js';
import { ImportBrokenError, type ImportSummary } from './import-summary.js';
import { IncomingBatch } from './incoming-batch.js';
import type { SourceBatch, SourceReport } from './report-source.js';
import type { KeyFinder } from './tracker-names.js';

/** A batch is also full at this many characters: the lines of a file that is not valid can be long. */
const MAX_BATCH_LENGTH = 8 << 20;
/** Maximum length of a key and a city. A key that is too long for its index would fail the whole batch. */
const MAX_TEXT = 200;

export interface ImportRunOptions {
  /** Format of the input, stored with every report. */
  format: string;
  /** Maximum number of reports and other items per transaction. */
  batchSize: number;
  /** Whether nothing of the run is stored, not even in the ledger. */
  dryRun: boolean;
}

/**
 * An import in progress: assigns reports to trackers, fills batches of the size of a transaction, and passes them to
 * the writer. The caller must end it exactly once, by {@link complete} or {@link fail}.
 *
 * A resumed run gets its input from the beginning, and skips as many reports and as many rejected items as it had
 * counted before. A source yields both in the same order each time it is read.
 */
export class ImportRun {
  /** Used in turn. The first is being filled; the writer may still read the others. */
  private readonly batches: [IncomingBatch, ...IncomingBatch[]];
  private reportsToSkip: number;
  private itemsToSkip: number;
  private added = 0;

  constructor(
    private readonly writer: BatchWriter,
    private readonly runs: ImportRunsRepository,
    private readonly keys: KeyFinder,
    private readonly begun: StartedRun,
    private readonly options: ImportRunOptions,
  ) {
    const spare = Array.from({ length: BATCHES_IN_FLIGHT }, () => new IncomingBatch(options.format));
    this.batches = [new IncomingBatch(options.format), ...spare];
    this.reportsToSkip = begun.reportsProcessed;
    this.itemsToSkip = begun.itemsProcessed;
  }

  /** Position of the next report, for sources without line numbers: 1 more than the number of items added so far. */
  get nextPosition(): number {
    return this.added + 1;
  }

  /**
   * Adds the reports and rejected items of a source.
   *
   * @param inSameTransaction work to commit together with these reports; with it, they are stored when this returns.
   * @throws the error of an earlier batch that could not be stored.
   */
  async add({ reports, rejected }: SourceBatch, inSameTransaction?: SameTransaction): Promise<void> {
    this.added += reports.length + rejected.length;
    const fresh = this.reportsToSkip === 0 ? reports : reports.slice(this.reportsToSkip);
    this.reportsToSkip -= Math.min(this.reportsToSkip, reports.length);
    await this.keys.lookUp(fresh);
    for (const report of fresh) {
      this.addReport(report);
      if (this.isFull()) await this.write();
    }
    for (const item of rejected) {
      if (this.itemsToSkip > 0) {
        this.itemsToSkip--;
        continue;
      }
      this.batch.rejectItem(item);
      if (this.isFull()) await this.write();
    }
    if (inSameTransaction) {
      await this.write(inSameTransaction);
      await this.writer.drain();
    }
  }

  /** Stores the rest and ends the run, in one transaction. @throws as {@link add}; then call {@link fail}. */
  async complete(inSameTransaction?: SameTransaction): Promise<ImportSummary> {
    await this.write(async (session) => {
      await inSameTransaction?.(session);
      await this.runs.end(this.begun, { outcome: 'completed' }, session);
    });
    await this.writer.drain();
    return this.summary();
  }

  /**
   * Stores what was added before the failure and ends the run in the ledger.
   *
   * @param isAborted the caller stopped the run; it counts as interrupted, not failed.
   * @returns the error to throw: ImportBrokenError with the summary so far for a DomainError, otherwise the cause.
   */
  async fail(error: unknown, isAborted: boolean): Promise<unknown> {
    // If the database has failed, storing the rest fails too; that error is the one to report.
    const cause = await this.flush().then(
      () => error,
      (failure: unknown) => failure,
    );
    const translated = this.runs.toDomainError(cause);
    if (!this.options.dryRun) await this.runs.endFailed(this.begun, translated, isAborted);
    return translated instanceof DomainError ? new ImportBrokenError(translated, this.summary()) : translated;
  }

  private async flush(): Promise<void> {
    if (this.batch.size > 0) await this.write();
    await this.writer.drain();
  }

  private async write(inSameTransaction?: SameTransaction): Promise<void> {
    await this.writer.write(this.batch, inSameTransaction);
    this.batches.push(this.batches.shift() as IncomingBatch);
    this.batch.clear();
  }

  private get batch(): IncomingBatch {
    return this.batches[0];
  }

  private isFull(): boolean {
    return this.batch.size === this.options.batchSize || this.batch.length > MAX_BATCH_LENGTH;
  }

  private addReport(report: SourceReport): void {
    const key = this.keys.keyOf(report);
    if (key === undefined) this.rejectUnknown(report);
    else if (key.length > MAX_TEXT || (report.nearestCity?.length ?? 0) > MAX_TEXT) {
      const field = key.length > MAX_TEXT ? 'hashedAdvKey' : 'nearestCity';
      this.batch.reject(report, 'undecodable', `${field} is longer than ${MAX_TEXT} characters`);
    } else this.batch.add(report, key);
  }

  private rejectUnknown(report: SourceReport): void {
    const name = this.keys.nameOf(report);
    const message =
      name === undefined
        ? 'the report names no tracker: add "tracker" or "hashedAdvKey", or name one for all reports (--tracker, ?tracker=)'
        : `there is no tracker named ${JSON.stringify(name)}`;
    this.batch.reject(name === undefined ? report : { ...report, tracker: name }, 'unknown_tracker', message);
  }

  private summary(): ImportSummary {
    const { id, reportsProcessed, itemsProcessed } = this.begun;
    const { format, dryRun } = this.options;
    return {
      ...this.writer.counts,
      runId: dryRun ? null : id,
      format,
      resumedAt: reportsProcessed + itemsProcessed,
    };
  }
}
