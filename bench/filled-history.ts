import type pg from 'pg';
import { retryTransient } from '../src/database/retry.js';

/** Size of the history in a database. */
export interface HistorySize {
  trackers: number;
  /** Number of closed days of each tracker, which have no raw reports. */
  days: number;
  /** Number of raw reports of each tracker and open day: the two days before today, and today up to now. */
  reportsPerDay: number;
}

/** In parallel plans the views of 0.1.0 lose rows (https://github.com/timescale/timescaledb/issues/10503). */
export const NO_PARALLEL_PLANS = 'SET max_parallel_workers_per_gather = 0';

const REPORTS_PER_CLOSED_DAY = 24;
/** One in this many closed days of trackers also has a late report, which the timescaledb engine stores separately. */
const ONE_LATE_IN = 100;

const DAY_COLUMNS = `hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy, status, source,
  report_count, max_confidence, first_report_at`;

/** Fills a database of 0.1.0 with the history of a year. */
export async function fillHistory(
  db: pg.Client,
  engine: string,
  { trackers, days, reportsPerDay }: HistorySize,
  progress: (line: string) => void,
): Promise<void> {
  await db.query(
    `INSERT INTO trackers (name, hashed_adv_key)
     SELECT 'tracker ' || i, encode(sha256(('tracker ' || i)::bytea), 'base64') FROM generate_series(1, $1) AS i`,
    [trackers],
  );
  progress('raw reports');
  await db.query(
    `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, status, source)
     SELECT t.hashed_adv_key, t.at, ST_SetSRID(ST_MakePoint(t.id % 360 - 180 + n / 1000.0, t.id % 180 - 90 + 0.1), 4326),
       1 + n % 3, 10 + n, 0, 'bench'
     FROM (
       SELECT t.id, t.hashed_adv_key, n, s.closed_before + n * interval '24 hours' / $1 + t.id * interval '0.1 seconds' AS at
       FROM history_state AS s, trackers AS t, generate_series(0, 10 * $1 - 1) AS n
     ) AS t WHERE t.at < now() - interval '1 minute'`,
    [reportsPerDay],
  );
  if (engine === 'timescaledb') {
    // Retried, because a refresh policy may be running.
    for (const [relation, end] of [
      ['location_history_hourly', 'NULL'],
      ['location_history_daily', 'midnight_before(0)'],
    ] as const) {
      await retryTransient(() =>
        db.query(`CALL refresh_continuous_aggregate('${relation}', history_horizon(), ${end})`),
      );
    }
    progress('compression');
    await db.query(`
      SELECT compress_chunk(c, if_not_compressed => true)
      FROM history_state AS s, show_chunks('location_reports', older_than => midnight_before(0)) AS c`);
  }
  progress('closed days');
  await db.query(
    engine === 'timescaledb'
      ? insertDays(await dailyHypertable(db), days, '')
      : insertDays('location_history_rollups', days, '1 day'),
  );
  if (engine === 'timescaledb') {
    await db.query(`
      INSERT INTO location_history_daily_late (${DAY_COLUMNS})
      SELECT hashed_adv_key, bucket, location, first_report_at - interval '1 second', confidence, horizontal_accuracy, status,
        source, 1, max_confidence, first_report_at - interval '1 second'
      FROM location_history_daily
      WHERE bucket < history_horizon() AND abs(hashtext(hashed_adv_key || bucket::text)) % ${ONE_LATE_IN} = 0`);
  }
  progress('identities');
  await db.query(`
    INSERT INTO report_identities (hashed_adv_key, day, milliseconds)
    SELECT d.hashed_adv_key, d.bucket, m.milliseconds FROM location_history_days AS d CROSS JOIN LATERAL (
      SELECT array_agg((extract(epoch FROM d.last_report_at - d.bucket) * 1000)::int - 3400000 * n) AS milliseconds
      FROM generate_series(0, d.report_count - 1) AS n
    ) AS m WHERE d.bucket < history_horizon()`);
  progress('materialized view');
  await db.query('ANALYZE');
  await db.query(NO_PARALLEL_PLANS);
  await db.query('REFRESH MATERIALIZED VIEW location_history');
  await db.query('DELETE FROM refresh_markers');
  await db.query(
    'UPDATE refresh_state SET refreshed = changes, view_refreshed_at = now(), behind_since = NULL',
  );
  await db.query('VACUUM ANALYZE location_history, report_identities');
  await db.query('CHECKPOINT');
}

/** The hypertable that contains the rows of the daily continuous aggregate. */
async function dailyHypertable(db: pg.Client): Promise<string> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) AS name
     FROM timescaledb_information.continuous_aggregates WHERE view_name = 'location_history_daily'`,
  );
  return rows[0]?.name ?? '';
}

/** SQL that inserts closed days, oldest first, like refreshes. */
function insertDays(relation: string, days: number, bucketSize: string): string {
  const [column, value] = bucketSize === '' ? ['', ''] : [', bucket_size', `, '${bucketSize}'`];
  return `
    INSERT INTO ${relation} (${DAY_COLUMNS}${column})
    SELECT t.hashed_adv_key, d.day, ST_SetSRID(ST_MakePoint(t.id % 360 - 180, t.id % 180 - 90 + 0.1), 4326),
      d.day + interval '23 hours 30 minutes' + t.id * interval '0.1 seconds', 2, 12, 0, 'bench', ${REPORTS_PER_CLOSED_DAY}, 3,
      d.day + interval '30 minutes' + t.id * interval '0.1 seconds'${value}
    FROM (SELECT closed_before - i * interval '24 hours' AS day
      FROM history_state, generate_series(1, ${days}) AS i ORDER BY 1) AS d
    CROSS JOIN trackers AS t`;
}
