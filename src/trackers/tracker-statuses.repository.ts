import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { sqlFile } from '../database/sql-files.js';
import type { TrackerStatus } from './tracker-status.enum.js';

/** A status that a tracker had, or has. */
export interface StatusHistoryRow {
  id: string;
  trackerId: string;
  status: TrackerStatus;
  /** Since when; until `endedAt`, which is null for the one that it has. */
  timestamp: Date;
  endedAt: Date | null;
  changedBy: string | null;
  reason: string | null;
}

/** Since when a tracker has its status, and how long it had some until now. */
export interface DurationsRow {
  trackerId: string;
  currentSince: Date;
  transitSeconds: number;
  storageSeconds: number;
}

export interface StatusChange {
  status: TrackerStatus;
  changedBy: string | null;
  reason: string | null;
}

const FIND_HISTORY = sqlFile('queries/trackers/find-status-history');
const FIND_DURATIONS = sqlFile('queries/trackers/find-durations');

/** Statuses of trackers; a trigger records each change, see sql/definitions/common/tracker_status_history.sql. */
@Injectable()
export class TrackerStatusesRepository {
  constructor(private readonly db: DataSource) {}

  /** Whether it had another status before; else nothing is changed. */
  async set(trackerId: string, { status, changedBy, reason }: StatusChange): Promise<boolean> {
    const [{ changed }] = await this.db.query<[{ changed: boolean }]>(
      'SELECT set_tracker_status($1, $2, $3, $4) AS changed',
      [trackerId, status, changedBy, reason],
    );
    return changed;
  }

  /** The newest statuses of each tracker, newest first. One statement. */
  findHistory(trackerIds: readonly string[], first: number): Promise<StatusHistoryRow[]> {
    return this.db.query(FIND_HISTORY, [trackerIds, first]);
  }

  /** One row a tracker, in no order. One statement. */
  findDurations(trackerIds: readonly string[]): Promise<DurationsRow[]> {
    return this.db.query(FIND_DURATIONS, [trackerIds]);
  }
}
