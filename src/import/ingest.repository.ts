import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { DataSource } from 'typeorm';
import type { Session } from '../database/session.js';
import { CommittedTransactions, DryRunTransactions, type Transactions } from '../database/transactions.js';
import type { HeldRun } from './import-runs.repository.js';
import type { LedgerCounts } from './import-summary.js';
import type { IncomingBatch } from './incoming-batch.js';

const COPY_INCOMING = `COPY incoming_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence,
  horizontal_accuracy, status, nearest_city, source, altitude, speed, course, battery, motion) FROM STDIN`;
const COPY_REJECTED = `COPY refused_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence,
  horizontal_accuracy, status, nearest_city, source, altitude, speed, course, battery, motion, reason, message, tracker,
  given) FROM STDIN`;

/** Name of these transactions in the log. */
const TRANSACTION_NAME = 'an import';

/** Stages batches and ingests them; sql/definitions/common/ingest_reports.sql is the SQL side. */
@Injectable()
export class IngestRepository {
  readonly transactions: Transactions;

  constructor(private readonly db: DataSource) {
    this.transactions = new CommittedTransactions(db, TRANSACTION_NAME);
  }

  /** Begins transactions that are all rolled back at the end. */
  beginDryRun(): Promise<DryRunTransactions> {
    return DryRunTransactions.begin(this.db, TRANSACTION_NAME);
  }

  /** Copies a batch into the staging tables of a transaction, where {@link ingestBatch} reads it. */
  async stage(session: Session, batch: IncomingBatch): Promise<void> {
    await session.query('SELECT prepare_incoming_reports()');
    await copy(session, COPY_INCOMING, batch.incomingRows());
    await copy(session, COPY_REJECTED, batch.rejectedRows());
  }

  /**
   * Stores the staged batch and adds it to the ledger of a run, in the same transaction.
   *
   * @param quarantineLimit rejected reports of each reason that the quarantine keeps.
   * @returns the ledger of the whole run so far.
   * @throws a violation of the constraint `import_run_is_held` when another process has taken over the run.
   */
  async ingestBatch(
    session: Session,
    { id, owner }: HeldRun,
    batch: IncomingBatch,
    quarantineLimit: number,
  ): Promise<LedgerCounts> {
    const [row] = (await session.query('SELECT take_in_batch($1, $2, $3, $4, $5, $6) AS ledger', [
      id,
      owner,
      batch.reports,
      batch.items,
      batch.lastPosition,
      quarantineLimit,
    ])) as [{ ledger: LedgerCounts }];
    return row.ledger;
  }
}

async function copy(session: Session, statement: string, rows: readonly Buffer[]): Promise<void> {
  if (rows.length === 0) return;
  const client = (await session.connect()) as PoolClient;
  await pipeline(Readable.from(rows), client.query(copyFrom(statement)));
}
