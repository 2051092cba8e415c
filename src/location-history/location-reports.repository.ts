import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { TimeRange } from '../common/time-range.js';
import type { StoredTelemetry } from '../common/telemetry.js';
import { CommittedTransactions } from '../database/transactions.js';

/** A report of a tracker whose key is known. */
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

/** What became of a day's reports that were to be deleted. */
export interface DeletedDay {
  /** Midnight UTC. */
  day: Date;
  reports: number;
  /** False where raw reports of the day are gone, and others of it are to stay. */
  deleted: boolean;
}

/** How long a deletion waits for writers of raw reports before it gives way and is tried again. */
const LOCK_TIMEOUT = '2s';

const TAKE = 'SELECT take_report($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS outcome';

/** Raw reports, one by one and out for good; files come in through src/import. */
@Injectable()
export class LocationReportsRepository {
  private readonly transactions: CommittedTransactions;

  constructor(private readonly db: DataSource) {
    this.transactions = new CommittedTransactions(db, 'createLocationReport');
  }

  /**
   * Takes one report in as every source does; returns what became of it, in the words of the import.
   *
   * @throws DomainError `UNAVAILABLE` where the transaction of somebody else keeps a lock that it needs.
   */
  async take(report: NewReport, source: string): Promise<string> {
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
      (session) => session.query(TAKE, parameters) as Promise<[{ outcome: string }]>,
    );
    return outcome;
  }

  /**
   * Deletes reports of a tracker, both ends of the range included, so that no source brings them back.
   *
   * @throws 55P03 when writers of raw reports are at work for longer than a moment.
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
