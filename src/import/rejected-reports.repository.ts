import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { StoredTelemetry } from '../common/telemetry.js';
import type { Session } from '../database/session.js';
import type { HeldRun } from './import-runs.repository.js';
import type { LedgerCounts } from './import-summary.js';

/** A report in the quarantine. A report that could not be parsed has neither time nor coordinates. */
export interface RejectedReport extends StoredTelemetry {
  id: string;
  runId: string;
  position: number;
  reason: string;
  message: string | null;
  tracker: string | null;
  hashedAdvKey: string | null;
  timestamp: Date | null;
  latitude: number | null;
  longitude: number | null;
  /** Original text of the report, or its beginning. */
  given: string | null;
  rejectedAt: Date;
}

/** Selects rejected reports; a missing field matches all. */
export interface RejectedFilter {
  runId?: string | undefined;
  reason?: string | undefined;
}

const FIND = `
  SELECT id, run_id AS "runId", position::float8, reason, message, tracker, hashed_adv_key AS "hashedAdvKey", timestamp,
    latitude, longitude, altitude, speed, course, battery, motion, given, rejected_at AS "rejectedAt"
  FROM rejected_reports
  WHERE ($1::bigint IS NULL OR run_id = $1) AND ($2::text IS NULL OR reason = $2) AND id > $3
  ORDER BY id LIMIT $4`;

/** Reads and retries the reports in the quarantine. */
@Injectable()
export class RejectedReportsRepository {
  constructor(private readonly db: DataSource) {}

  /** Returns reports in the order of rejection, starting after the report with id `after`. */
  find({ runId, reason }: RejectedFilter, after: string, limit: number): Promise<RejectedReport[]> {
    return this.db.query(FIND, [runId, reason, after, limit]);
  }

  /**
   * Retries the next reports, within a transaction.
   *
   * @param assignedKey key of the tracker for reports whose own tracker is still unknown.
   * @returns the id of the last report retried (null: none was left), and the ledger of the retry so far.
   */
  async retry(
    session: Session,
    run: HeldRun,
    { runId, reason }: RejectedFilter,
    assignedKey: string | undefined,
    after: string,
    batchSize: number,
  ): Promise<{ lastId: string | null; ledger: LedgerCounts }> {
    const [row] = (await session.query(
      'SELECT until AS "lastId", ledger FROM retry_rejected_reports($1, $2, $3, $4, $5, $6, $7)',
      [run.id, run.owner, runId, reason, assignedKey, after, batchSize],
    )) as [{ lastId: string | null; ledger: LedgerCounts }];
    return row;
  }
}
