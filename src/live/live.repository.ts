import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { sqlFile } from '../database/sql-files.js';
import type { StoredTelemetry } from '../common/telemetry.js';
import type { TrackerStatus } from '../trackers/tracker-status.enum.js';

/** A report on its way to subscribers. */
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

/** A status that a tracker got. */
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

  /** Reports that are newer than the one known of their tracker, by tracker and time; one statement. */
  findUpdates(newestKnown: ReadonlyMap<string, Date>, limit: number): Promise<LiveUpdate[]> {
    const times = [...newestKnown.values()].map((time) => time.toISOString());
    return this.db.query(FIND_UPDATES, [[...newestKnown.keys()], times, limit]);
  }

  /** Time of the newest report of each tracker that is registered; one statement. */
  async findNewest(trackerIds: readonly string[]): Promise<Map<string, Date>> {
    const rows = await this.db.query<{ trackerId: string; newest: Date }[]>(FIND_NEWEST, [trackerIds]);
    return new Map(rows.map(({ trackerId, newest }) => [trackerId, newest]));
  }

  /** The newest changes of status, the oldest of them first. */
  findStatusChanges(limit: number): Promise<StatusChange[]> {
    return this.db.query(FIND_STATUS_CHANGES, [limit]);
  }

  /** Where raw reports begin: what is older cannot be resumed from. */
  async horizon(): Promise<Date> {
    const [{ horizon }] = await this.db.query<[{ horizon: Date }]>('SELECT history_horizon() AS horizon');
    return horizon;
  }
}
