import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { sqlFile } from '../database/sql-files.js';
import type { TrackerStatus } from './tracker-status.enum.js';

/** A current or former status of a tracker. */
export interface StatusHistoryRow {
  id: string;
  trackerId: string;
  status: TrackerStatus;
  /** When the status began; `endedAt` is null for the current one. */
  timestamp: Date;
  endedAt: Date | null;
  changedBy: string | null;
  reason: string | null;
}

/** When the current status of a tracker began, and how long it was in transit and in storage up to now. */
export interface DurationsRow {
  trackerId: string;
  currentSince: Date;
  transitSeconds: number;
  storageSeconds: number;
}

export interface NewStatus {
  status: TrackerStatus;
  changedBy: string | null;
  reason: string | null;
}

const FIND_HISTORY = sqlFile('queries/trackers/find-status-history');
const FIND_DURATIONS = sqlFile('queries/trackers/find-durations');

/** Reads and sets statuses; a trigger records each change (sql/definitions/common/tracker_status_history.sql). */
@Injectable()
export class TrackerStatusesRepository {
  constructor(private readonly db: DataSource) {}

  /** @returns whether the status changed. */
  async set(trackerId: string, { status, changedBy, reason }: NewStatus): Promise<boolean> {
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

  /** One row per tracker, unordered. One statement. */
  findDurations(trackerIds: readonly string[]): Promise<DurationsRow[]> {
    return this.db.query(FIND_DURATIONS, [trackerIds]);
  }
}
