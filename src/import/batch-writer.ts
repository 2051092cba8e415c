import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../database/session.js';
import type { Transactions } from '../database/transactions.js';
import type { StartedRun } from './import-runs.repository.js';
import type { LedgerCounts } from './import-summary.js';
import type { IncomingBatch } from './incoming-batch.js';
import type { IngestRepository } from './ingest.repository.js';

/** Maximum number of batches that a writer stores at the same time. */
export const BATCHES_IN_FLIGHT = 2;

/**
 * Maximum time that a staged batch waits in its transaction for the previous batch. Bounded, because a transaction that
 * is retried needs another session of the pool, and all sessions may be waiting like this one.
 */
const MAX_WAIT_MS = 5_000;

/** Work that has to commit together with a batch. */
export type SameTransaction = (session: Session) => Promise<void>;

export interface BatchWriterOptions {
  /** Rejected reports of each reason that the quarantine keeps. */
  quarantineLimit: number;
  /** Called with the ledger of the run after every stored batch. */
  onProgress: ((counts: LedgerCounts) => void) | undefined;
}

/**
 * Stores the batches of one run, each in one transaction with its ledger entries, in the order they were written.
 *
 * While the database ingests a batch, the next one is staged on another session. It is ingested only after the
 * previous one has committed, so the ledger is correct wherever an import stops.
 */
export class BatchWriter {
  /** The ledger of the run as of the last commit. */
  counts: LedgerCounts;
  private latest: Promise<void> = Promise.resolve();
  private previous: Promise<void> = Promise.resolve();

  constructor(
    private readonly ingest: IngestRepository,
    private readonly transactions: Transactions,
    private readonly run: StartedRun,
    private readonly options: BatchWriterOptions,
  ) {
    this.counts = run.counts;
  }

  /**
   * Starts storing a batch. Waits until at most one other is being stored; the batch must not change until
   * {@link BATCHES_IN_FLIGHT} more calls, or {@link drain}, have returned.
   *
   * @throws the error of an earlier batch that could not be stored. Nothing is stored after it.
   */
  async write(batch: IncomingBatch, inSameTransaction?: SameTransaction): Promise<void> {
    await (this.transactions.mayOverlap ? this.previous : this.latest);
    this.previous = this.latest;
    this.latest = this.store(batch, this.previous, inSameTransaction);
    this.latest.catch(() => undefined); // write() or drain() throws it later
  }

  /** Waits until everything is stored. @throws as {@link write}. */
  drain(): Promise<void> {
    return this.latest;
  }

  private async store(
    batch: IncomingBatch,
    previous: Promise<void>,
    inSameTransaction?: SameTransaction,
  ): Promise<void> {
    const previousStored = previous.then(
      () => true,
      () => false,
    );
    const attempt = async (session: Session): Promise<LedgerCounts | null> => {
      await this.ingest.stage(session, batch);
      if (!(await Promise.race([previousStored, sleep(MAX_WAIT_MS, false, { ref: false })]))) return null;
      const counts = await this.ingest.ingestBatch(session, this.run, batch, this.options.quarantineLimit);
      await inSameTransaction?.(session);
      return counts;
    };
    let counts = await this.transactions.run(attempt);
    while (!counts) {
      await previous; // throws if the previous batch could not be stored
      counts = await this.transactions.run(attempt);
    }
    this.counts = counts;
    if (batch.size > 0) this.options.onProgress?.(counts);
  }
}
