import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { parseId } from '../common/id.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { LiveHub } from './live-hub.js';
import { StatusHub } from './status-hub.js';
import { LiveRepository, type LiveUpdate, type StatusChange } from './live.repository.js';

/** Maximum number of trackers per subscription. */
export const MAX_TRACKERS = 1_000;

@Injectable()
export class LiveService {
  constructor(
    private readonly hub: LiveHub,
    private readonly statuses: StatusHub,
    private readonly repository: LiveRepository,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * Subscribes to new reports of these trackers, each newer than the previous one of its tracker.
   *
   * @param since time of the last report that the client received; null: only new reports.
   * @throws DomainError `BAD_USER_INPUT` (ids, too many ids, `since` before the horizon), `NOT_FOUND`.
   */
  async subscribeToLocations(
    trackerIds: readonly string[],
    since: Date | null,
  ): Promise<AsyncIterableIterator<LiveUpdate>> {
    const ids = await this.requireTrackers(trackerIds);
    if (since !== null) await this.checkSince(since);
    return this.hub.subscribe(ids, since);
  }

  /**
   * Subscribes to status changes from now on, of these trackers or of all (null).
   *
   * @throws DomainError `BAD_USER_INPUT`, `NOT_FOUND`.
   */
  async subscribeToStatuses(
    trackerIds: readonly string[] | null,
  ): Promise<AsyncIterableIterator<StatusChange>> {
    return this.statuses.subscribe(trackerIds && (await this.requireTrackers(trackerIds)));
  }

  private async requireTrackers(trackerIds: readonly string[]): Promise<string[]> {
    const ids = [...new Set(trackerIds.map((id) => parseId(id, 'trackerIds')))];
    if (ids.length === 0 || ids.length > MAX_TRACKERS) {
      throw new DomainError(
        'BAD_USER_INPUT',
        `trackerIds must have 1 to ${MAX_TRACKERS} ids, not ${ids.length}`,
        {
          details: { argument: 'trackerIds' },
        },
      );
    }
    const found = await this.trackers.findMany(ids);
    const missing = ids.filter((_, i) => found[i] === null);
    if (missing.length > 0) {
      throw new DomainError(
        'NOT_FOUND',
        `There is no tracker with the id ${missing.slice(0, 5).join(', ')}`,
        {
          details: { argument: 'trackerIds' },
        },
      );
    }
    return ids;
  }

  private async checkSince(since: Date): Promise<void> {
    const horizon = await this.repository.horizon();
    if (since >= horizon) return;
    throw new DomainError(
      'BAD_USER_INPUT',
      `since (${since.toISOString()}) must not be before ${horizon.toISOString()}, the start of the raw reports kept; ` +
        'query the history instead, and subscribe without since',
      { details: { argument: 'since' } },
    );
  }
}
