import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { TimeRange } from '../common/time-range.js';
import { sqlFile } from '../database/sql-files.js';
import type { ExportRow } from './export-row.js';

/** What can be exported: history (days, then hours), or the raw reports that are still kept. */
export const EXPORT_DETAILS = ['history', 'reports'] as const;
export type ExportDetail = (typeof EXPORT_DETAILS)[number];

const QUERIES: Readonly<Record<ExportDetail, string>> = {
  history: sqlFile('queries/export/history'),
  reports: sqlFile('queries/export/reports'),
};

/** A reader that stands still holds a connection and a snapshot: retention has to wait for it. Ended after this long. */
const STALLED_AFTER = '30s';

@Injectable()
export class ExportRepository {
  constructor(private readonly db: DataSource) {}

  /**
   * Rows of a tracker in a range, oldest first, under one snapshot: while it is read, no hour becomes a day. Holds a
   * connection until it is read to its end or left.
   */
  async *rows(
    trackerId: string,
    { start, end }: TimeRange,
    detail: ExportDetail,
  ): AsyncGenerator<ExportRow, void, undefined> {
    const session = this.db.createQueryRunner();
    try {
      await session.startTransaction('REPEATABLE READ');
      await session.query(`SET LOCAL idle_in_transaction_session_timeout = '${STALLED_AFTER}'`);
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
      if (session.isTransactionActive) await session.rollbackTransaction().catch(() => undefined); // it may be gone
      await session.release();
    }
  }
}
