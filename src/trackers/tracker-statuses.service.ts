import { Injectable } from '@nestjs/common';
import type { TrackerEntity } from './tracker.entity.js';
import {
  type DurationsRow,
  type NewStatus,
  type StatusHistoryRow,
  TrackerStatusesRepository,
} from './tracker-statuses.repository.js';
import { TrackersService } from './trackers.service.js';

@Injectable()
export class TrackerStatusesService {
  constructor(
    private readonly statuses: TrackerStatusesRepository,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * Sets the status of a tracker from now on. Setting the current status changes and records nothing, so a client may
   * repeat a call whose response was lost.
   *
   * @throws DomainError `BAD_USER_INPUT` (id), `NOT_FOUND`.
   */
  async set(trackerId: string, change: NewStatus): Promise<TrackerEntity> {
    const tracker = await this.trackers.get(trackerId);
    await this.statuses.set(tracker.id, change);
    return this.trackers.get(tracker.id);
  }

  /** The newest statuses of each tracker, newest first, in the order of the ids. One statement. */
  async findHistory(trackerIds: readonly string[], first: number): Promise<StatusHistoryRow[][]> {
    const byTracker = new Map<string, StatusHistoryRow[]>(trackerIds.map((id) => [id, []]));
    for (const row of await this.statuses.findHistory(trackerIds, first)) {
      byTracker.get(row.trackerId)?.push(row);
    }
    return [...byTracker.values()];
  }

  /** How long each tracker had its statuses, in the order of the ids; null for a deleted tracker. One statement. */
  async findDurations(trackerIds: readonly string[]): Promise<(DurationsRow | null)[]> {
    const found = await this.statuses.findDurations(trackerIds);
    const byTracker = new Map(found.map((row) => [row.trackerId, row]));
    return trackerIds.map((id) => byTracker.get(id) ?? null);
  }
}
