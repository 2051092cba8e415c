import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { connectTo } from './servers/database-servers.js';
import type { TestReport } from './history-oracle.js';
import { insertReports } from './reports.js';
import type { TestDatabase } from './test-database.js';

/** A transaction that a user began by hand and left open. */
export class ForgottenTransaction {
  private static readonly begun = new Set<ForgottenTransaction>();

  private constructor(
    readonly client: pg.Client,
    readonly pid: number,
  ) {}

  /** Begins a transaction. @param url address with its database role; by default the owner of the database. */
  static async begin(
    db: TestDatabase,
    { url = db.url, isolation = 'READ COMMITTED' } = {},
  ): Promise<ForgottenTransaction> {
    const client = await connectTo(url);
    await client.query(`SET application_name = 'by hand'`);
    await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const transaction = new ForgottenTransaction(client, (rows[0] as { pid: number }).pid);
    ForgottenTransaction.begun.add(transaction);
    return transaction;
  }

  /** Ends the transactions that a failed test left open, because they would block the next test. */
  static async endAll(): Promise<void> {
    for (const transaction of ForgottenTransaction.begun) await transaction.end();
  }

  insert(reports: readonly TestReport[]): Promise<void> {
    return insertReports(this.client, reports);
  }

  /** Ends the transaction. @param how e.g. `COMMIT`. */
  async end(how = 'ROLLBACK'): Promise<void> {
    if (!ForgottenTransaction.begun.delete(this)) return;
    await this.client.query(how);
    await this.client.end();
  }
}

/** Collects the warnings that are logged from now until jest.restoreAllMocks(). */
export function collectWarnings(): () => string[] {
  const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  return () => warn.mock.calls.map(([text]) => String(text));
}
