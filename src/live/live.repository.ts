import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { sqlFile } from '../database/sql-files.js';
import type { StoredTelemetry } from '../common/telemetry.js';
import type { TrackerStatus } from '../trackers/tracker-status.enum.js';

/** A report that is sent to subscribers. */
export interface LiveUpdate extends StoredTelemetry {
  trackerId: string;
  trackerName: string;
  timestamp: Date;
  latitude: number;
  longitude: number;
  nearestCity: string | null;
  confidence: number | null;
  horizontalAccuracy: number | null;
  imprecise: boolean;
  status: number | null;
  source: string;
}

/** A change of the status of a tracker. */
export interface StatusChange {
  id: string;
  trackerId: string;
  trackerName: string;
  status: TrackerStatus;
  previousStatus: TrackerStatus;
  timestamp: Date;
  changedBy: string | null;
  reason: string | null;
}

const FIND_UPDATES = sqlFile('queries/live/find-updates');
const FIND_NEWEST = sqlFile('queries/live/find-newest');
const FIND_STATUS_CHANGES = sqlFile('queries/live/find-status-changes');

@Injectable()
export class LiveRepository {
  constructor(private readonly db: DataSource) {}

  /** Reports newer than the position of their tracker, ordered by tracker and time. One statement. */
  findUpdates(positions: ReadonlyMap<string, Date>, limit: number): Promise<LiveUpdate[]> {
    const times = [...positions.values()].map((time) => time.toISOString());
    return this.db.query(FIND_UPDATES, [[...positions.keys()], times, limit]);
  }

  /** Time of the newest report of each tracker. One statement. */
  async findNewest(trackerIds: readonly string[]): Promise<Map<string, Date>> {
    const rows = await this.db.query<{ trackerId: string; newest: Date }[]>(FIND_NEWEST, [trackerIds]);
    return new Map(rows.map(({ trackerId, newest }) => [trackerId, newest]));
  }

  /** The newest status changes, oldest first. */
  findStatusChanges(limit: number): Promise<StatusChange[]> {
    return this.db.query(FIND_STATUS_CHANGES, [limit]);
  }

  /** Start of the raw reports: a subscription cannot resume from an earlier time. */
  async horizon(): Promise<Date> {
    const [{ horizon }] = await this.db.query<[{ horizon: Date }]>('SELECT history_horizon() AS horizon');
    return horizon;
  }
}
