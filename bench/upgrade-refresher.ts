import type pg from 'pg';
import { lockKey } from '../src/database/lock-key.js';

/**
 * Refreshes like the refresher of 0.1.0: aggregates at each call, the materialized view at most a quarter of the time
 * (a refresh is followed by a pause of three times its duration).
 */
export function refresh(client: pg.Client): () => Promise<void> {
  let nextViewRefreshAt = 0;
  return async () => {
    await underLock(client, 'change_refresh', () => refreshChanges(client));
    if (performance.now() < nextViewRefreshAt) return;
    const startedAt = performance.now();
    await underLock(client, 'view_refresh', async () => {
      await client.query("BEGIN; SET LOCAL lock_timeout = '2s'");
      await client.query('REFRESH MATERIALIZED VIEW CONCURRENTLY location_history');
      await client.query('COMMIT');
    });
    nextViewRefreshAt = performance.now() + 3 * (performance.now() - startedAt);
  };
}

async function refreshChanges(client: pg.Client): Promise<void> {
  const {
    rows: [markers],
  } = await client.query<{ engine: string; ids: string[] | null; start: Date; end: Date }>(
    `SELECT (SELECT engine FROM history_state), array_agg(id) AS ids, greatest(min(from_time), history_cut()) AS start,
       date_trunc('hour', max(to_time), 'UTC') + interval '1 hour' AS end FROM refresh_markers`,
  );
  if (!markers?.ids) return;
  if (markers.engine === 'timescaledb' && markers.start < markers.end) {
    await client.query(
      `CALL refresh_continuous_aggregate('location_history_hourly', $1::timestamptz, $2::timestamptz)`,
      [markers.start, markers.end],
    );
  }
  await client.query('DELETE FROM refresh_markers WHERE id = ANY ($1::bigint[])', [markers.ids]);
}

/** Runs `work` under the lock of a job; does nothing if another session holds it. */
async function underLock(client: pg.Client, job: string, work: () => Promise<void>): Promise<void> {
  const {
    rows: [lock],
  } = await client.query<{ isAcquired: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS "isAcquired"',
    [lockKey(job)],
  );
  if (lock?.isAcquired !== true) return;
  try {
    await work();
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    await client.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [lockKey(job)]);
  }
}
