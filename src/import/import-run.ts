import type { Session } from '../database/session.js';
import type { Transactions } from '../database/transactions.js';
import type { BegunRun } from './import-runs.repository.js';
import type { LedgerCounts } from './import-summary.js';
import { IncomingBatch } from './incoming-batch.js';
import type { RejectedItem, SourceReport } from './report-source.js';
import type { KeyFinder } from './tracker-names.js';

/** Characters of rows after which a batch is complete though it has few: those of a file of garbage are long. */
const MAX_LENGTH = 8 << 20;
/** Longer keys and cities are nobody's, and an index would refuse them with the whole batch. */
const MAX_TEXT = 200;

/** What a run needs of its surroundings. */
export interface RunDoor {
  transactions: Transactions;
  /** Stores a batch within a transaction; returns the ledger so far. */
  store: (session: Session, batch: IncomingBatch) => Promise<LedgerCounts>;
  /** Told after every batch what became of everything so far. */
  onProgress?: ((counts: LedgerCounts) => void) | undefined;
}

/**
 * One import under way: gathers reports until they are worth a transaction.
 *
 * While the database works on a batch, the next one is gathered: decoding takes about as long as storing. There is one
 * transaction at a time, in the order of the input, so the ledger says what was taken in however the import ends.
 *
 * What was taken from the input before an interruption is read again and left out: by number, because the order of
 * reports, and that of items which are none, are the same at every reading of an input.
 */
export class ImportRun {
  /** As the last transaction left it. */
  counts: LedgerCounts;
  private batch: IncomingBatch;
  /** Stored already, or being stored; to be filled next. */
  private spare: IncomingBatch;
  /** The transaction of the batch before. */
  private storing: Promise<void> = Promise.resolve();
  private reportsToSkip: number;
  private itemsToSkip: number;

  constructor(
    private readonly door: RunDoor,
    begun: BegunRun,
    private readonly finder: KeyFinder,
    format: string,
    private readonly batchSize: number,
  ) {
    this.batch = new IncomingBatch(format);
    this.spare = new IncomingBatch(format);
    this.counts = begun.counts;
    this.reportsToSkip = begun.reportsGiven;
    this.itemsToSkip = begun.itemsGiven;
  }

  /** Also throws what the transaction of an earlier batch failed with; nothing is stored after that. */
  async add(reports: readonly SourceReport[], items: readonly RejectedItem[]): Promise<void> {
    const fresh = this.reportsToSkip === 0 ? reports : reports.slice(this.reportsToSkip);
    this.reportsToSkip -= Math.min(this.reportsToSkip, reports.length);
    await this.finder.learn(fresh);
    for (const report of fresh) {
      this.assign(report);
      if (this.isComplete()) await this.flush();
    }
    for (const item of items) {
      if (this.itemsToSkip > 0) {
        this.itemsToSkip--;
        continue;
      }
      this.batch.refuseItem(item);
      if (this.isComplete()) await this.flush();
    }
  }

  /**
   * Stores the rest, and waits until everything is stored.
   *
   * @param last what else belongs into the last transaction; then there is one, though it may have no reports.
   */
  async finish(last?: (session: Session) => Promise<void>): Promise<void> {
    await this.flush(last);
    await this.storing;
  }

  private isComplete(): boolean {
    return this.batch.size === this.batchSize || this.batch.length > MAX_LENGTH;
  }

  private async flush(last?: (session: Session) => Promise<void>): Promise<void> {
    await this.storing;
    const { batch } = this;
    if (batch.size === 0 && last === undefined) return;
    this.batch = this.spare;
    this.batch.clear();
    this.spare = batch;
    this.storing = this.store(batch, last);
    this.storing.catch(() => undefined); // whoever waits for it next is told
  }

  private async store(batch: IncomingBatch, last?: (session: Session) => Promise<void>): Promise<void> {
    this.counts = await this.door.transactions.run(async (session) => {
      const counts = await this.door.store(session, batch);
      await last?.(session);
      return counts;
    });
    if (batch.size > 0) this.door.onProgress?.(this.counts);
  }

  private assign(report: SourceReport): void {
    const key = this.finder.keyOf(report);
    if (key === undefined) this.refuseUnknown(report);
    else if (key.length > MAX_TEXT || (report.nearestCity?.length ?? 0) > MAX_TEXT) {
      const field = key.length > MAX_TEXT ? 'hashedAdvKey' : 'nearestCity';
      this.batch.refuse(report, 'undecodable', `${field} is longer than ${MAX_TEXT} characters`);
    } else this.batch.add(report, key);
  }

  private refuseUnknown(report: SourceReport): void {
    const name = this.finder.nameOf(report);
    const message =
      name === undefined
        ? 'says no tracker; name it with --tracker, or give "tracker" or "hashedAdvKey" in the file'
        : `there is no tracker named ${JSON.stringify(name)}`;
    this.batch.refuse(name === undefined ? report : { ...report, tracker: name }, 'unknown_tracker', message);
  }
}
