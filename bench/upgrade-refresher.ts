import type pg from 'pg';
import { lockKey } from '../src/database/lock-key.js';

/** What the refresher of 0.1.0 does with markers, and with the materialized view, of which it rests three times as long. */
export function refresh(client: pg.Client): () => Promise<void> {
  let viewAt = 0;
  return async () => {
    await underLock(client, 'change_refresh', () => refreshChanges(client));
    if (performance.now() < viewAt) return;
    const begun = performance.now();
    await underLock(client, 'view_refresh', async () => {
      await client.query("BEGIN; SET LOCAL lock_timeout = '2s'");
      await client.query('REFRESH MATERIALIZED VIEW CONCURRENTLY location_history');
      await client.query('COMMIT');
    });
    viewAt = performance.now() + 3 * (performance.now() - begun);
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

/** Nothing is done while another session holds it. */
async function underLock(client: pg.Client, job: string, work: () => Promise<void>): Promise<void> {
  const {
    rows: [lock],
  } = await client.query<{ taken: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken',
    [lockKey(job)],
  );
  if (lock?.taken !== true) return;
  try {
    await work();
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    await client.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [lockKey(job)]);
  }
}
