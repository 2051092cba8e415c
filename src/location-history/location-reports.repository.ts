import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { TimeRange } from '../common/time-range.js';
import type { StoredTelemetry } from '../common/telemetry.js';
import { CommittedTransactions } from '../database/transactions.js';

/** A report to ingest. */
export interface NewReport extends StoredTelemetry {
  hashedAdvKey: string;
  timestamp: Date;
  latitude: number;
  longitude: number;
  confidence: number | null;
  horizontalAccuracy: number | null;
  status: number | null;
  nearestCity: string | null;
}

/** Result of a deletion for one day. */
export interface DeletedDay {
  /** Midnight UTC. */
  day: Date;
  reports: number;
  /** False if raw reports of the day are gone and the range does not cover all of its reports. */
  deleted: boolean;
}

/** How long a deletion waits for the lock on raw reports before it fails and is retried. */
const LOCK_TIMEOUT = '2s';

const INGEST_REPORT =
  'SELECT take_report($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS outcome';

/** Ingests single reports and deletes reports; batches are ingested by src/import. */
@Injectable()
export class LocationReportsRepository {
  private readonly transactions: CommittedTransactions;

  constructor(private readonly db: DataSource) {
    this.transactions = new CommittedTransactions(db, 'createLocationReport');
  }

  /**
   * Ingests one report; returns its outcome: `stored`, `late`, `duplicate` or a rejection reason.
   *
   * @throws DomainError `UNAVAILABLE` when another transaction holds a lock that this needs.
   */
  async ingestReport(report: NewReport, source: string): Promise<string> {
    const parameters = [
      report.hashedAdvKey,
      report.timestamp.toISOString(),
      report.latitude,
      report.longitude,
      report.confidence,
      report.horizontalAccuracy,
      report.status,
      report.nearestCity,
      source,
      report.altitude,
      report.speed,
      report.course,
      report.battery,
      report.motion,
    ];
    const [{ outcome }] = await this.transactions.run(
      (session) => session.query(INGEST_REPORT, parameters) as Promise<[{ outcome: string }]>,
    );
    return outcome;
  }

  /**
   * Deletes the reports of a tracker in a range, both ends included. Later imports reject them as `deleted`.
   *
   * @throws 55P03 when writers of raw reports hold the lock for longer than LOCK_TIMEOUT.
   */
  delete(hashedAdvKey: string, { start, end }: TimeRange): Promise<DeletedDay[]> {
    return this.db.transaction(async (manager) => {
      await manager.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      return manager.query<DeletedDay[]>(
        `SELECT day, reports::integer, is_deleted AS deleted FROM delete_location_reports($1, $2, $3) ORDER BY day`,
        [hashedAdvKey, start.toISOString(), end.toISOString()],
      );
    });
  }
}
