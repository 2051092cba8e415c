import { Injectable } from '@nestjs/common';
import type { TimeRange } from '../common/time-range.js';
import type { SqlRunner } from '../database/server-capabilities.js';

/** How far back the periodic refresh recomputes, in hours. */
const HOURLY_REACH = 48;
const DAILY_REACH = 7 * 24;

/** The windows of the periodic refresh, by the database's clock. */
export interface PeriodicWindows {
  now: Date;
  hours: TimeRange;
  days: TimeRange;
  /** When the last periodic refresh began; null: there was none. */
  last: Date | null;
}

@Injectable()
export class PeriodicRefreshRepository {
  /** Both windows begin at the horizon at the earliest: nothing below it is recomputed. */
  async windows(on: SqlRunner): Promise<PeriodicWindows> {
    const [row] = (await on.query(
      `SELECT now() AS now, greatest(now() - make_interval(hours => ${HOURLY_REACH}), closed_before) AS hours,
         greatest(now() - make_interval(hours => ${DAILY_REACH}), closed_before) AS days, periodic_at AS last
       FROM history_state, refresh_state`,
    )) as [{ now: Date; hours: Date; days: Date; last: Date | null }];
    const { now, hours, days, last } = row;
    return { now, hours: { start: hours, end: now }, days: { start: days, end: now }, last };
  }

  /** Marks the view stale, so that it is refreshed even if this process stops now. */
  async markViewStale(on: SqlRunner): Promise<void> {
    await on.query(
      'UPDATE refresh_state SET changes = changes + 1, behind_since = coalesce(behind_since, now())',
    );
  }

  /** Records the time at which a completed periodic refresh began. */
  async recordDone(began: Date, on: SqlRunner): Promise<void> {
    await on.query('UPDATE refresh_state SET periodic_at = $1', [began.toISOString()]);
  }
}
