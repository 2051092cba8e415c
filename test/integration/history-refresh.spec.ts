import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connectTo } from '../support/servers/database-servers.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { Random } from '../support/random.js';
import { createRandomHistory, expectHistoryOf } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { sessionWaitingForLock } from '../support/waiting.js';
import type { TestDatabase } from '../support/test-database.js';

// The documented statements.
const REFRESH_HOURS = `CALL refresh_continuous_aggregate('location_history_hourly', NOW() - INTERVAL '48 hours', NOW());`;
const REFRESH_DAYS = `CALL refresh_continuous_aggregate('location_history_daily', NOW() - INTERVAL '7 days', NOW());`;

/** Every roll-up row, with a version that changes whenever the row is written. */
const ROWS = `SELECT tableoid::regclass || ' ' || hashed_adv_key || ' ' || bucket AT TIME ZONE 'UTC' AS row, ctid || ' ' || xmin AS version
  FROM location_history_rollups`;

describe('refresh_continuous_aggregate on the postgresql engine', () => {
  let db: TestDatabase;
  let today: Date;
  let reports: TestReport[];

  beforeEach(async () => {
    ({ db, today, reports } = await createRandomHistory('postgresql', {
      seed: 3,
      count: 400,
      days: 6,
      others: ['nobody'],
      env: {},
    }));
    await expectHistoryOf(db, reports);
  });
  afterEach(() => db.drop());

  const versions = async (): Promise<Map<string, string>> =>
    new Map(
      (await db.query<{ row: string; version: string }>(ROWS)).map(({ row, version }) => [row, version]),
    );

  it('writes nothing if every row is correct', async () => {
    const before = await versions();
    for (const refresh of [REFRESH_HOURS, REFRESH_DAYS]) await db.query(refresh);
    expect(await versions()).toEqual(before);
    expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0);
  });

  /** Damage to the first row of tracker b on the day of a layer. */
  const damages: [string, string][] = [
    ['a wrong count', 'UPDATE $rows SET report_count = report_count + 1 WHERE $row'],
    ['a wrong position', 'UPDATE $rows SET location = ST_SetSRID(ST_MakePoint(0, 0), 4326) WHERE $row'],
    [
      'a city that nobody reported',
      `UPDATE $rows SET nearest_city = 'Atlantis', nearest_city_at = now() WHERE $row`,
    ],
    ['a wrong confidence', 'UPDATE $rows SET confidence = 99, max_confidence = 99 WHERE $row'],
    ['a wrong time', `UPDATE $rows SET last_report_at = last_report_at - interval '1 second' WHERE $row`],
    ['a missing row', 'DELETE FROM $rows WHERE $row'],
    [
      'a row without reports',
      `INSERT INTO $rows (hashed_adv_key, bucket, bucket_size, location, last_report_at, source, report_count, first_report_at)
       SELECT 'nobody', bucket, bucket_size, location, last_report_at, source, report_count, first_report_at
       FROM $rows WHERE $row`,
    ],
  ];
  const layers = [
    { size: 'hourly', day: -1, refresh: REFRESH_HOURS },
    { size: 'daily', day: -2, refresh: REFRESH_DAYS },
  ];

  it.each(layers.flatMap((layer) => damages.map(([name, sql]) => ({ ...layer, name, sql }))))(
    'repairs $name: $size',
    async ({ size, day, refresh, sql }) => {
      const start = at(today, day, '00:00:00').toISOString();
      const row = `(hashed_adv_key, bucket) = (
        SELECT hashed_adv_key, min(bucket) FROM location_history_${size}
        WHERE hashed_adv_key = 'b' AND bucket >= '${start}' GROUP BY 1)`;
      const before = await versions();
      await db.query(sql.replaceAll('$rows', `location_history_${size}`).replaceAll('$row', row));
      await db.query('REFRESH MATERIALIZED VIEW location_history');
      await db.query(refresh);

      const after = await versions();
      expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
      // Only the damaged day of that tracker was written.
      const rewritten = [...after]
        .filter(([name, version]) => before.get(name) !== version)
        .map(([name]) => name);
      expect(rewritten.filter((name) => !name.includes(` b ${start.slice(0, 10)}`))).toEqual([]);
      // The materialized view follows without any other change.
      await expectHistoryOf(db, reports);
    },
  );

  it('computes nothing before the horizon', async () => {
    const closed = at(today, -4, '00:00:00');
    await db.query(
      `UPDATE location_history_daily SET report_count = 77 WHERE hashed_adv_key = 'a' AND bucket = $1`,
      [closed],
    );
    for (const window of ["NOW() - INTERVAL '7 days', NOW()", 'NULL, NULL', "'-infinity', 'infinity'"]) {
      await db.query(`CALL refresh_continuous_aggregate('location_history_daily', ${window})`);
    }
    expect(
      await db.value(
        `SELECT report_count FROM location_history_daily WHERE hashed_adv_key = 'a' AND bucket = $1`,
        [closed],
      ),
    ).toBe(77);
  });

  it('rejects a relation that it cannot refresh and an invalid window, by name', async () => {
    await expect(db.query(`CALL refresh_continuous_aggregate('trackers', NULL, NULL)`)).rejects.toThrow(
      'relation "trackers" is not a continuous aggregate',
    );
    await expect(
      db.query(`CALL refresh_continuous_aggregate('location_history_daily', now(), now())`),
    ).rejects.toThrow('the window must start before it ends');
  });

  it('changes no correct row while reports are inserted and updated', async () => {
    const keys = ['a', 'b', 'c'];
    const state = { busy: true };
    const batches: TestReport[][] = [];
    const work = async (seed: number): Promise<void> => {
      const random = new Random(seed);
      for (let i = 0; i < 60; i++) {
        const batch = random.reports(30, keys, at(today, -2, '00:00:00'), at(today, 0, '00:00:00'));
        batches.push(batch);
        await insertReports(
          db,
          batch.sort((x, y) => (x.key < y.key ? -1 : x.key > y.key ? 1 : +x.at - +y.at)),
          'ON CONFLICT DO NOTHING',
        );
        await db.query(
          `UPDATE location_reports SET source = 'seen' WHERE hashed_adv_key = $1 AND timestamp = $2`,
          [batch[0]?.key, batch[0]?.at],
        );
      }
    };
    // A repair deletes and recreates the row. The statistics count at least the deletions of this transaction.
    const refresher = await connectTo(db.url);
    const refreshing = (async () => {
      let rounds = 0;
      let deleted = 0;
      for (; state.busy; rounds++) {
        for (const sql of ['BEGIN', REFRESH_HOURS, REFRESH_DAYS]) await refresher.query(sql);
        const { rows } = await refresher.query<{ n: number }>(
          `SELECT sum(pg_stat_get_xact_tuples_deleted(relid)) AS n
           FROM pg_partition_tree('location_history_rollups') WHERE isleaf`,
        );
        deleted += Number(rows[0]?.n);
        await refresher.query('COMMIT');
      }
      await refresher.end();
      return { rounds, deleted };
    })();
    await Promise.all([work(1), work(2), work(3)]);
    state.busy = false;
    const { rounds, deleted } = await refreshing;
    expect(rounds).toBeGreaterThan(3);
    expect(deleted).toBe(0);
    await expectHistoryOf(db, [...reports, ...batches.flat()]);
  });

  it('counts a report once if it is committed during a repair', async () => {
    // b has no row for a day, and gets a report that no roll-up counts; a's day is damaged, and its hours are locked.
    const day = at(today, -1, '00:00:00');
    await db.query('DELETE FROM location_history_rollups WHERE hashed_adv_key = $1 AND bucket >= $2', [
      'b',
      day,
    ]);
    await db.query(
      `UPDATE location_history_daily SET report_count = 0 WHERE hashed_adv_key = 'a' AND bucket >= $1`,
      [day],
    );
    const fresh: TestReport = { key: 'b', at: at(today, -1, '12:00:00.001'), latitude: 1, longitude: 2 };
    const [writer, holder] = [await db.pool.connect(), await db.pool.connect()];
    await writer.query('BEGIN');
    await insertReports(writer, [fresh]);
    await holder.query('BEGIN');
    await holder.query(`SELECT FROM location_history_hourly WHERE hashed_adv_key = 'a' FOR UPDATE`);
    const repaired = db.query(REFRESH_DAYS);
    await sessionWaitingForLock(db, 'CALL refresh_continuous_aggregate%');
    await writer.query('COMMIT');
    await holder.query('COMMIT');
    await repaired;
    writer.release();
    holder.release();
    await expectHistoryOf(db, [...reports, fresh]);
  });
});
