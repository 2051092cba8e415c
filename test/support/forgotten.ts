import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { connectTo } from './client.js';
import type { TestReport } from './history-oracle.js';
import { insertReports } from './scenario.js';
import { session } from './session.js';
import type { TestDatabase } from './test-database.js';

/** A transaction that somebody began by hand and forgot. */
export class Forgotten {
  private static readonly begun = new Set<Forgotten>();

  private constructor(
    readonly client: pg.Client,
    readonly pid: number,
  ) {}

  /** Begins it. @param url of whom: by default of the owner of the database. */
  static async begin(
    db: TestDatabase,
    { url = db.url, isolation = 'READ COMMITTED' } = {},
  ): Promise<Forgotten> {
    const client = await connectTo(url);
    await client.query(`SET application_name = 'by hand'`);
    await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const transaction = new Forgotten(client, (rows[0] as { pid: number }).pid);
    Forgotten.begun.add(transaction);
    return transaction;
  }

  /** Ends those that a test that failed has left, which would keep the next one waiting. */
  static async endAll(): Promise<void> {
    for (const transaction of Forgotten.begun) await transaction.end();
  }

  insert(reports: readonly TestReport[]): Promise<void> {
    return insertReports(session(this.client as unknown as pg.PoolClient), reports);
  }

  /** @param how e.g. `COMMIT`. */
  async end(how = 'ROLLBACK'): Promise<void> {
    if (!Forgotten.begun.delete(this)) return;
    await this.client.query(how);
    await this.client.end();
  }
}

/** The warnings in the log from here on; jest.restoreAllMocks() ends it. */
export function warnings(): () => string[] {
  const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  return () => warn.mock.calls.map(([text]) => String(text));
}
