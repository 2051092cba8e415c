import { Injectable } from '@nestjs/common';
import type { Session } from '../database/session.js';
import { retryTransient } from '../database/retry.js';
import { RedisConnection } from '../locking/redis-connection.js';
import { AggregatesRepository } from './aggregates.repository.js';
import { AggregatesService } from './aggregates.service.js';
import { PeriodicRefreshRepository } from './periodic-refresh.repository.js';

/** Seconds since 1970 at which the last periodic refresh began. */
const LAST_REFRESH_KEY = 'location_history:last_aggregate_refresh';
const LAST_REFRESH_EXPIRY_S = 2 * 3600;
/** At most once an hour; a minute less, because no two runs begin equally late. */
const LEAST_AGE_MS = 59 * 60_000;

/** What came of it: refreshed, or why not. */
export type PeriodicRefresh = { refreshed: true } | { refreshed: false; lastRefresh: Date };

/** Compares what is derived with the raw reports, whether anybody told of a change or not. */
@Injectable()
export class PeriodicRefreshService {
  constructor(
    private readonly periodic: PeriodicRefreshRepository,
    private readonly repository: AggregatesRepository,
    private readonly aggregates: AggregatesService,
    private readonly redis: RedisConnection,
  ) {}

  /**
   * Refreshes 48 hours of the hourly layer, 7 days of the daily one, and then the materialized view, unless that was
   * done within the hour. Whoever calls it holds the lock `aggregate_refresh`, on this session.
   */
  async refresh(session: Session, signal: AbortSignal): Promise<PeriodicRefresh> {
    const { now, hours, days, last } = await this.periodic.windows(session);
    const known = [last?.getTime() ?? 0, await this.lastInRedis()];
    const lastRefresh = Math.max(...known.filter((time) => time <= now.getTime())); // the clock may have been set back
    if (now.getTime() - lastRefresh < LEAST_AGE_MS)
      return { refreshed: false, lastRefresh: new Date(lastRefresh) };
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
    await this.noteDone(now, session);
    return { refreshed: true };
  }

  /** In the database as well: a Redis that was flushed must not make the hour be done twice. */
  private async noteDone(began: Date, session: Session): Promise<void> {
    await this.periodic.noteDone(began, session);
    if (!this.redis.isConfigured) return;
    const seconds = (began.getTime() / 1000).toFixed(3);
    await this.redis
      .run((redis) => redis.set(LAST_REFRESH_KEY, seconds, 'EX', LAST_REFRESH_EXPIRY_S))
      .catch(() => undefined); // the connection tells, and the database knows
  }

  private async lastInRedis(): Promise<number> {
    if (!this.redis.isConfigured) return 0;
    const value = await this.redis.run((redis) => redis.get(LAST_REFRESH_KEY)).catch(() => null);
    const seconds = Number(value ?? 0);
    return Number.isFinite(seconds) ? seconds * 1000 : 0;
  }
}
