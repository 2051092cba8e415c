import { Injectable } from '@nestjs/common';
import type { Session } from '../database/session.js';
import { retryTransient } from '../database/retry.js';
import { RedisKeys } from '../locking/redis-keys.js';
import { AggregatesRepository } from './aggregates.repository.js';
import { AggregatesService } from './aggregates.service.js';
import { PeriodicRefreshRepository } from './periodic-refresh.repository.js';

/** Redis key: start of the last periodic refresh, in seconds since 1970. For people; the schedule uses the database. */
const LAST_REFRESH = 'last_aggregate_refresh';
const LAST_REFRESH_EXPIRY_S = 2 * 3600;
/** At most once an hour; a minute less, because runs start with varying delay. */
const MIN_INTERVAL_MS = 59 * 60_000;

/** Whether it refreshed; if not, when the last refresh was. */
export type PeriodicRefresh = { refreshed: true } | { refreshed: false; lastRefresh: Date };

/** Recomputes recent aggregates from the raw reports, whether or not a change was announced. */
@Injectable()
export class PeriodicRefreshService {
  constructor(
    private readonly periodic: PeriodicRefreshRepository,
    private readonly repository: AggregatesRepository,
    private readonly aggregates: AggregatesService,
    private readonly keys: RedisKeys,
  ) {}

  /**
   * Refreshes 48 hours of the hourly layer, 7 days of the daily one, and then the materialized view, unless that was
   * done less than an hour ago. The caller holds the lock `aggregate_refresh` on this session.
   */
  async refresh(session: Session, signal: AbortSignal): Promise<PeriodicRefresh> {
    const { now, hours, days, last } = await this.periodic.windows(session);
    const isAhead = last !== null && last > now; // the clock was set back
    if (last !== null && !isAhead && now.getTime() - last.getTime() < MIN_INTERVAL_MS)
      return { refreshed: false, lastRefresh: last };
    await this.repository.withTimeouts(session, async () => {
      for (const [relation, window] of [
        ['location_history_hourly', hours],
        ['location_history_daily', days],
      ] as const) {
        signal.throwIfAborted();
        await retryTransient(() => this.repository.refreshWindow(relation, window, session));
      }
      await this.periodic.markViewStale(session);
    });
    signal.throwIfAborted();
    await this.aggregates.refreshView(signal);
    await this.recordDone(now, session);
    return { refreshed: true };
  }

  private async recordDone(began: Date, session: Session): Promise<void> {
    await this.periodic.recordDone(began, session);
    if (!this.keys.connection.isConfigured) return;
    try {
      const key = await this.keys.key(LAST_REFRESH);
      const seconds = (began.getTime() / 1000).toFixed(3);
      await this.keys.connection.write((redis) => redis.set(key, seconds, 'EX', LAST_REFRESH_EXPIRY_S));
    } catch {
      // The connection logs the failure, and the database has the time.
    }
  }
}
