import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { parseId } from '../common/id.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { LiveHub } from './live-hub.js';
import { StatusHub } from './status-hub.js';
import { LiveRepository, type LiveUpdate, type StatusChange } from './live.repository.js';

/** Trackers of one subscription. */
export const MOST_TRACKERS = 1_000;

@Injectable()
export class LiveService {
  constructor(
    private readonly hub: LiveHub,
    private readonly statuses: StatusHub,
    private readonly repository: LiveRepository,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * Reports of these trackers as they come, each newer than the one before it of the same tracker.
   *
   * @param since resume behind a report of this time.
   * @throws DomainError `BAD_USER_INPUT` (ids, too many, a time that raw reports are no longer kept of), `NOT_FOUND`.
   */
  async updates(
    trackerIds: readonly string[],
    since: Date | null,
  ): Promise<AsyncIterableIterator<LiveUpdate>> {
    const ids = await this.known(trackerIds);
    if (since !== null) await this.checkSince(since);
    return this.hub.subscribe(ids, since);
  }

  /**
   * Changes of status from now on, of these trackers or of all.
   *
   * @throws DomainError `BAD_USER_INPUT`, `NOT_FOUND`.
   */
  async statusChanges(trackerIds: readonly string[] | null): Promise<AsyncIterableIterator<StatusChange>> {
    return this.statuses.subscribe(trackerIds && (await this.known(trackerIds)));
  }

  private async known(trackerIds: readonly string[]): Promise<string[]> {
    const ids = [...new Set(trackerIds.map((id) => parseId(id, 'trackerIds')))];
    if (ids.length === 0 || ids.length > MOST_TRACKERS) {
      throw new DomainError('BAD_USER_INPUT', `trackerIds must be 1 to ${MOST_TRACKERS}, not ${ids.length}`, {
        details: { argument: 'trackerIds' },
      });
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
      `since (${since.toISOString()}) lies before the reports that are kept (from ${horizon.toISOString()} on); ` +
        'read the history, and subscribe without it',
      { details: { argument: 'since' } },
    );
  }
}
