import { DomainError } from '../common/errors/domain-error.js';
import { BATCHES_IN_FLIGHT, type BatchWriter, type SameTransaction } from './batch-writer.js';
import type { BegunRun, ImportRunsRepository } from './import-runs.repository.js';
import { ImportBrokenError, type ImportSummary } from './import-summary.js';
import { IncomingBatch } from './incoming-batch.js';
import type { SourceBatch, SourceReport } from './report-source.js';
import type { KeyFinder } from './tracker-names.js';

/** Characters after which a batch is complete even with few rows: the lines of a garbage file can be long. */
const MAX_BATCH_LENGTH = 8 << 20;
/** No valid key or city is longer, and an index entry that is too long would fail the whole batch. */
const MAX_TEXT = 200;

export interface ImportRunOptions {
  /** Format of the input, stored with every report. */
  format: string;
  /** Reports in a transaction. */
  batchSize: number;
  /** The ledger keeps nothing of the run. */
  dryRun: boolean;
}

/**
 * An import in progress: assigns reports to trackers, fills batches of the size of a transaction, and passes them to the
 * writer. Ended by {@link complete} or {@link fail}, exactly once.
 *
 * A resumed run is given its input from the beginning and skips as many reports and rejected items as it had counted before:
 * each of the two comes in the same order at every reading.
 */
export class ImportRun {
  /** Used in turn. The first is being filled; the writer may still read the others. */
  private readonly batches: [IncomingBatch, ...IncomingBatch[]];
  private reportsToSkip: number;
  private itemsToSkip: number;
  private given = 0;

  constructor(
    private readonly writer: BatchWriter,
    private readonly runs: ImportRunsRepository,
    private readonly keys: KeyFinder,
    private readonly begun: BegunRun,
    private readonly options: ImportRunOptions,
  ) {
    const spare = Array.from({ length: BATCHES_IN_FLIGHT }, () => new IncomingBatch(options.format));
    this.batches = [new IncomingBatch(options.format), ...spare];
    this.reportsToSkip = begun.reportsGiven;
    this.itemsToSkip = begun.itemsGiven;
  }

  /** Position of the next report, for sources without line numbers: 1 more than what was given so far. */
  get nextPosition(): number {
    return this.given + 1;
  }

  /**
   * Adds what a source has parsed.
   *
   * @param inSameTransaction must commit together with these reports; given, they are stored when this returns.
   * @throws what storing an earlier batch failed with.
   */
  async add({ reports, rejected }: SourceBatch, inSameTransaction?: SameTransaction): Promise<void> {
    this.given += reports.length + rejected.length;
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

  /** Stores the rest and ends the run in the ledger, in one transaction. @throws as {@link add}; call {@link fail} then. */
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
    // When the database is what failed, storing the rest fails too, and that error names the cause.
    const cause = await this.flush().then(
      () => error,
      (failure: unknown) => failure,
    );
    const known = this.runs.toDomainError(cause);
    if (!this.options.dryRun) await this.runs.endFailed(this.begun, known, isAborted);
    return known instanceof DomainError ? new ImportBrokenError(known, this.summary()) : known;
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
        ? 'names no tracker: add "tracker" or "hashedAdvKey", or give one for all reports (--tracker, ?tracker=)'
        : `there is no tracker named ${JSON.stringify(name)}`;
    this.batch.reject(name === undefined ? report : { ...report, tracker: name }, 'unknown_tracker', message);
  }

  private summary(): ImportSummary {
    const { id, reportsGiven, itemsGiven } = this.begun;
    const { format, dryRun } = this.options;
    return {
      ...this.writer.counts,
      runId: dryRun ? null : id,
      format,
      resumedAt: reportsGiven + itemsGiven,
    };
  }
}
