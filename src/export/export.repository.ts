import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { TimeRange } from '../common/time-range.js';
import { sqlFile } from '../database/sql-files.js';
import type { ExportRow } from './export-row.js';

/** What to export: the history (days, then hours), or the raw reports within their retention. */
export const EXPORT_DETAILS = ['history', 'reports'] as const;
export type ExportDetail = (typeof EXPORT_DETAILS)[number];

const QUERIES: Readonly<Record<ExportDetail, string>> = {
  history: sqlFile('queries/export/history'),
  reports: sqlFile('queries/export/reports'),
};

/**
 * A client that reads nothing for this time is disconnected: it uses a connection, and retention waits for its
 * snapshot.
 */
const IDLE_TIMEOUT = '30s';

@Injectable()
export class ExportRepository {
  constructor(private readonly db: DataSource) {}

  /**
   * Reads the rows of a tracker in a range, oldest first, from one snapshot, so that no hour turns into a day
   * meanwhile. Occupies a connection until the rows are read to the end or the generator is returned.
   */
  async *rows(
    trackerId: string,
    { start, end }: TimeRange,
    detail: ExportDetail,
  ): AsyncGenerator<ExportRow, void, undefined> {
    const session = this.db.createQueryRunner();
    try {
      await session.startTransaction('REPEATABLE READ');
      await session.query(`SET LOCAL idle_in_transaction_session_timeout = '${IDLE_TIMEOUT}'`);
      await session.query('SET TRANSACTION READ ONLY');
      const rows: Readable = await session.stream(QUERIES[detail], [
        trackerId,
        start.toISOString(),
        end.toISOString(),
      ]);
      try {
        for await (const row of rows) yield row as ExportRow;
      } finally {
        rows.destroy();
      }
    } finally {
      if (session.isTransactionActive) await session.rollbackTransaction().catch(() => undefined); // the connection may be lost
      await session.release();
    }
  }
}
