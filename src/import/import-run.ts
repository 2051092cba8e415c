import { setTimeout as sleep } from 'node:timers/promises';
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
/**
 * How long a batch that is handed over waits for the one before. Not for ever: a transaction that is tried again needs
 * another session of the pool, and all of them may be waiting for such.
 */
const PATIENCE_MS = 5_000;

/** What a run needs of its surroundings. */
export interface RunDoor {
  transactions: Transactions;
  /** Hands a batch over to a session, for its next {@link takeIn} in the same transaction. */
  fill: (session: Session, batch: IncomingBatch) => Promise<void>;
  /** Stores what was handed over; returns the ledger so far. */
  takeIn: (session: Session, batch: IncomingBatch) => Promise<LedgerCounts>;
  /** Told after every batch what became of everything so far. */
  onProgress?: ((counts: LedgerCounts) => void) | undefined;
}

/**
 * One import under way: gathers reports until they are worth a transaction.
 *
 * While the database works on a batch, the next one is handed over to another session, and the one after that gathered.
 * They are stored one after the other, in the order of the input, so the ledger says what was taken in however the import
 * ends.
 *
 * What was taken from the input before an interruption is read again and left out: by number, because the order of
 * reports, and that of items which are none, are the same at every reading of an input.
 */
export class ImportRun {
  /** As the last transaction left it. */
  counts: LedgerCounts;
  /** The first is being gathered; the others are under way, or stored and to be filled again. */
  private readonly batches: [IncomingBatch, ...IncomingBatch[]];
  /** The transaction of the batch before, and of the one before that. */
  private storing: Promise<void> = Promise.resolve();
  private storingBefore: Promise<void> = Promise.resolve();
  private reportsToSkip: number;
  private itemsToSkip: number;

  constructor(
    private readonly door: RunDoor,
    begun: BegunRun,
    private readonly finder: KeyFinder,
    format: string,
    private readonly batchSize: number,
  ) {
    this.batches = [new IncomingBatch(format), new IncomingBatch(format), new IncomingBatch(format)];
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

  private get batch(): IncomingBatch {
    return this.batches[0];
  }

  private isComplete(): boolean {
    return this.batch.size === this.batchSize || this.batch.length > MAX_LENGTH;
  }

  private async flush(last?: (session: Session) => Promise<void>): Promise<void> {
    await (this.door.transactions.mayOverlap ? this.storingBefore : this.storing);
    const { batch } = this;
    if (batch.size === 0 && last === undefined) return;
    this.batches.push(this.batches.shift() as IncomingBatch);
    this.batch.clear();
    this.storingBefore = this.storing;
    this.storing = this.store(batch, this.storingBefore, last);
    this.storing.catch(() => undefined); // whoever waits for it next is told
  }

  /** Stores a batch once the one before is stored, and not at all where that could not be: that failure is thrown then. */
  private async store(
    batch: IncomingBatch,
    before: Promise<void>,
    last?: (session: Session) => Promise<void>,
  ): Promise<void> {
    const itsTurn = before.then(
      () => true,
      () => false,
    );
    const attempt = async (session: Session): Promise<LedgerCounts | null> => {
      await this.door.fill(session, batch);
      if (!(await Promise.race([itsTurn, sleep(PATIENCE_MS, false, { ref: false })]))) return null;
      const counts = await this.door.takeIn(session, batch);
      await last?.(session);
      return counts;
    };
    let counts = await this.door.transactions.run(attempt);
    while (!counts) {
      await before;
      counts = await this.door.transactions.run(attempt);
    }
    this.counts = counts;
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
