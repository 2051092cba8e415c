import type pg from 'pg';
import { retryTransient } from '../src/database/retry.js';
import type { Clients } from './upgrade-clients.js';

/** The state of a database before or after an upgrade. */
export interface History {
  engine: string;
  size: string;
  horizon: Date;
  raw: number;
  days: number;
  /** Number of reports in history, raw reports and identities, by key of the tracker. */
  counts: Map<string, { reports: number; raw: number; identities: number }>;
  /** Checksum of all rows of the trackers that no client writes to, over the columns of 0.1.0. */
  checksum: string;
  written: number;
}

/** @param written number of trackers, in the order of their ids, that clients write to. */
export async function readHistory(client: pg.Client, written: number): Promise<History> {
  const {
    rows: [state],
  } = await client.query<Omit<History, 'counts' | 'checksum' | 'written'>>(
    `SELECT engine, closed_before AS horizon, pg_size_pretty(pg_database_size(current_database())) AS size,
       (SELECT count(*)::int FROM location_reports) AS raw,
       (SELECT count(*)::int FROM location_history_days WHERE bucket < closed_before) AS days FROM history_state`,
  );
  const { rows } = await client.query<{ key: string; reports: number; raw: number; identities: number }>(
    `SELECT t.hashed_adv_key AS key, coalesce(h.n, 0)::int AS reports, coalesce(r.n, 0)::int AS raw, coalesce(i.n, 0)::int AS identities
     FROM trackers AS t
     LEFT JOIN (SELECT hashed_adv_key, sum(report_count) AS n FROM history_in_hours GROUP BY 1) AS h USING (hashed_adv_key)
     LEFT JOIN (SELECT hashed_adv_key, count(*) AS n FROM location_reports GROUP BY 1) AS r USING (hashed_adv_key)
     LEFT JOIN (SELECT hashed_adv_key, sum(cardinality(milliseconds)) AS n FROM report_identities GROUP BY 1) AS i USING (hashed_adv_key)`,
  );
  const {
    rows: [sums],
  } = await client.query<{ checksum: string }>(
    `SELECT concat_ws(' ', count(*), sum(hashtextextended(concat_ws('|', h.hashed_adv_key, h.timestamp, h.bucket_size,
       h.location::text, h.nearest_city, h.last_report_at, h.first_report_at, h.report_count, h.confidence, h.max_confidence,
       h.horizontal_accuracy, h.status, h.source), 0)::numeric)) AS checksum
     FROM history_in_hours AS h JOIN trackers AS t USING (hashed_adv_key)
     WHERE t.id > (SELECT id FROM trackers ORDER BY id OFFSET $1 LIMIT 1)`,
    [written - 1],
  );
  if (!state || !sums) throw new Error('the database has no history_state');
  return {
    ...state,
    written,
    checksum: sums.checksum,
    counts: new Map(rows.map(({ key, ...counts }) => [key, counts])),
  };
}

/** Whether every confirmed report is counted once and nothing else has changed; prints the differences. */
export async function isComplete(
  client: pg.Client,
  before: History,
  confirmed: Clients['confirmed'],
  print: (line: string) => void,
): Promise<boolean> {
  for (const relation of before.engine === 'timescaledb'
    ? ['location_history_hourly', 'location_history_daily']
    : []) {
    await retryTransient(() =>
      client.query(`CALL refresh_continuous_aggregate('${relation}', history_horizon(), NULL)`),
    );
  }
  const after = await readHistory(client, before.written);
  let wrongTrackers = 0;
  for (const [key, countsBefore] of before.counts) {
    const recent = confirmed.recent.get(key) ?? 0;
    const late = confirmed.late.get(key) ?? 0;
    const countsAfter = after.counts.get(key);
    const isRight =
      countsAfter?.reports === countsBefore.reports + recent + late &&
      countsAfter.raw === countsBefore.raw + recent &&
      countsAfter.identities === countsBefore.identities + late;
    if (!isRight && ++wrongTrackers <= 5)
      print(`  WRONG: ${key}: ${JSON.stringify({ countsBefore, recent, late, countsAfter })}`);
  }
  const sum = (counts: ReadonlyMap<string, number>): number =>
    [...counts.values()].reduce((a, b) => a + b, 0);
  print(
    `confirmed: ${sum(confirmed.recent)} new and ${sum(confirmed.late)} late reports; wrong counts: ${wrongTrackers} of ${before.counts.size} trackers; ` +
      `rows of trackers without writers: ${after.checksum === before.checksum ? 'unchanged' : `CHANGED (${before.checksum} to ${after.checksum})`}`,
  );
  return wrongTrackers === 0 && after.checksum === before.checksum;
}
