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
const COPY_REFUSED = `COPY refused_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence,
  horizontal_accuracy, status, nearest_city, source, altitude, speed, course, battery, motion, reason, message, tracker,
  given) FROM STDIN`;

/** What waits where a transaction has to, in the log. */
const WHAT = 'an import';

/** The one way of reports into the database; sql/definitions/common/ingest_reports.sql has the other end. */
@Injectable()
export class IngestRepository {
  readonly transactions: Transactions;

  constructor(private readonly db: DataSource) {
    this.transactions = new CommittedTransactions(db, WHAT);
  }

  /** Transactions of which nothing remains. */
  rehearse(): Promise<DryRunTransactions> {
    return DryRunTransactions.begin(this.db, WHAT);
  }

  /** Hands a batch to the tables that ingest_reports() reads, within a transaction. */
  async fill(session: Session, batch: IncomingBatch): Promise<void> {
    await session.query('SELECT prepare_incoming_reports()');
    await copy(session, COPY_INCOMING, batch.incomingRows());
    await copy(session, COPY_REFUSED, batch.refusedRows());
  }

  /**
   * Takes in the batch that was handed over, and writes it into the ledger of a run, within the same transaction.
   *
   * @param keep how many of each reason the quarantine keeps.
   * @returns the ledger of the whole run so far.
   * @throws the driver's violation of `import_run_is_held` when the run is another process's by now.
   */
  async takeIn(
    session: Session,
    { id, owner }: HeldRun,
    batch: IncomingBatch,
    keep: number,
  ): Promise<LedgerCounts> {
    const [row] = (await session.query('SELECT take_in_batch($1, $2, $3, $4, $5, $6) AS ledger', [
      id,
      owner,
      batch.reports,
      batch.items,
      batch.until,
      keep,
    ])) as [{ ledger: LedgerCounts }];
    return row.ledger;
  }
}

async function copy(session: Session, statement: string, rows: readonly Buffer[]): Promise<void> {
  if (rows.length === 0) return;
  const client = (await session.connect()) as PoolClient;
  await pipeline(Readable.from(rows), client.query(copyFrom(statement)));
}
