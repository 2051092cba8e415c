import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { guardOf } from '../support/history-guard.js';
import { healthOf } from '../support/health.js';
import type { DetailedRow, TestReport } from '../support/history-oracle.js';
import { ingestReports } from '../support/ingest.js';
import { keepRaw, LONG_RAW_RETENTION, maintain } from '../support/retention.js';
import { at, historyToday, readHistory } from '../support/scenario.js';
import { TestDatabase } from '../support/test-database.js';

const KEYS = ['a', 'b', 'c'];
const A_DAY = 12;

/** What somebody does by hand. */
interface Removal {
  how: string;
  /** Statements; $day is a closed day, $next the one after it, $open one with raw reports, $partition its partition. */
  sql: string;
  /** It is refused with this. */
  refused?: RegExp;
  /** It is named so. */
  named?: RegExp;
  /** How many reports are named as missing of the day. */
  missing?: number;
}

const PER_DAY = KEYS.length * A_DAY;
const TRUNCATED = /^TRUNCATE of \S+ would lose history/;
const BOTH: Removal[] = [
  { how: 'TRUNCATE report_identities', sql: 'TRUNCATE report_identities', refused: TRUNCATED },
  { how: 'TRUNCATE location_reports', sql: 'TRUNCATE location_reports', refused: TRUNCATED },
  { how: 'TRUNCATE history_state', sql: 'TRUNCATE history_state', refused: TRUNCATED },
];
const REMOVALS: Record<string, Removal[]> = {
  postgresql: [
    ...BOTH,
    { how: 'TRUNCATE of a partition', sql: 'TRUNCATE $partition', refused: TRUNCATED },
    { how: 'TRUNCATE of the days', sql: 'TRUNCATE location_history_daily', refused: TRUNCATED },
    { how: 'TRUNCATE of all aggregates', sql: 'TRUNCATE location_history_rollups', refused: TRUNCATED },
    {
      how: 'DROP of a partition',
      sql: 'DROP TABLE $partition',
      named: /raw reports are missing/,
      missing: PER_DAY,
    },
    {
      how: 'DELETE of a closed day',
      sql: `DELETE FROM location_history_daily WHERE bucket = '$day'`,
      named: /the daily history has lost/,
      missing: PER_DAY + 1,
    },
    {
      how: 'DELETE of a day of one tracker',
      sql: `DELETE FROM location_history_daily WHERE bucket = '$day' AND hashed_adv_key = 'a'`,
      named: /the daily history has lost/,
      missing: A_DAY,
    },
  ],
  timescaledb: [
    ...BOTH,
    { how: 'TRUNCATE of the days', sql: 'TRUNCATE location_history_daily', refused: TRUNCATED },
    { how: 'TRUNCATE of late days', sql: 'TRUNCATE location_history_daily_late', refused: TRUNCATED },
    {
      how: 'a forced refresh of a closed day',
      sql: `CALL refresh_continuous_aggregate('location_history_daily', '$day', '$next', force => true)`,
      refused: /cannot be computed again|invalid transaction termination/,
    },
    {
      how: 'DELETE of a closed day',
      sql: `DELETE FROM location_history_daily WHERE bucket = '$day'`,
      refused: /cannot be computed again/,
    },
    {
      how: 'drop_chunks of an open day',
      sql: `SELECT drop_chunks('location_reports', newer_than => '$open'::timestamptz, older_than => '$open'::timestamptz + interval '24 hours')`,
      named: /raw reports are missing/,
      missing: PER_DAY,
    },
    {
      how: 'DELETE of late days',
      sql: `DELETE FROM location_history_daily_late`,
      named: /the daily history has lost/,
      missing: 1,
    },
    {
      how: 'a retention policy on raw reports',
      sql: `SELECT add_retention_policy('location_reports', drop_after => interval '90 days')`,
      named: /SELECT remove_retention_policy\('location_reports'\)/,
    },
    {
      how: 'a retention policy on days',
      sql: `SELECT add_retention_policy('location_history_daily', drop_after => interval '900 days')`,
      named: /SELECT remove_retention_policy\('location_history_daily'\)/,
    },
  ],
};

describeOnEveryEngine('history that is removed by hand', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let before: DetailedRow[];
  const reports: TestReport[] = [];
  const day = (days: number): string => at(today, days, '00:00:00').toISOString();
  const put = (sql: string): string =>
    sql
      .replaceAll('$partition', `location_reports_${day(-1).slice(0, 10).replaceAll('-', '')}`)
      .replaceAll('$day', day(-4))
      .replaceAll('$next', day(-3))
      .replaceAll('$open', day(-1));
  const guard = (): ReturnType<typeof guardOf> => guardOf(db.dataSource);

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
    for (const key of KEYS) await db.register(key);
    today = await historyToday(db);
    for (const key of KEYS) {
      for (let d = -6; d <= -1; d++) {
        for (let i = 0; i < A_DAY; i++) {
          const moment = new Date(at(today, d, '01:00:00').getTime() + i * 3_600_000);
          reports.push({ key, at: moment, latitude: 40 + i, longitude: 7 + d });
        }
      }
    }
    await ingestReports(db, reports);
    await db.settle();
    await keepRaw(db, 2);
    await maintain(db);
    // A late one, later than all others of its day.
    const late = { key: 'b', at: at(today, -4, '23:59:00'), latitude: 1, longitude: 2 };
    reports.push(late);
    expect(await ingestReports(db, [late])).toEqual({ late: 1 });
    before = await readHistory(db);
    expect(await guard().check()).toEqual([]);
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    expect(await guard().problems()).toEqual([]);
  });

  it.each(REMOVALS[engine] ?? [])('$how', async ({ sql, refused, named, missing }) => {
    if (refused) {
      await expect(db.query(put(sql))).rejects.toThrow(refused);
      expect(await readHistory(db)).toEqual(before);
      return;
    }
    await db.query(put(sql));
    const problems = await guard().check();
    expect(problems).toEqual([expect.stringMatching(named as RegExp)]);
    expect((await healthOf(db).check()).problems).toEqual(expect.arrayContaining(problems));
    const remedy = /Remove it: (SELECT .*)$/.exec(problems[0] ?? '')?.[1];
    if (remedy !== undefined) {
      await db.query(remedy);
      return;
    }
    expect(problems[0]).toMatch(new RegExp(`\\b${missing} of \\d+ `));

    // Whatever is done by the clock meanwhile.
    await maintain(db);
    for (const relation of ['hourly', 'daily']) {
      await db.query(
        `CALL refresh_continuous_aggregate('location_history_${relation}', '${day(-2)}', now())`,
      );
    }
    expect(await guard().check()).toEqual(problems);
    await guard().mend();
    await maintain(db);
    await ingestReports(db, reports);
    expect((await ingestReports(db, reports))['duplicate']).toBe(reports.length);
    expect(await readHistory(db)).toEqual(before);
  });

  it('notices that an older backup was restored', async () => {
    const process = guard();
    await process.remember();
    await db.query(`UPDATE history_clock SET agreed_at = agreed_at - interval '1 day'`);
    await db.query(`DELETE FROM location_reports WHERE timestamp >= $1`, [day(-1)]); // which forgets what was noted, too
    expect(await guard().check()).toEqual([]);
    await process.remember();
    expect(await guard().problems()).toEqual([
      expect.stringContaining(`${day(-1).slice(0, 10)}: ${PER_DAY} of ${PER_DAY} raw reports are missing`),
    ]);
    await ingestReports(db, reports);
    expect(await readHistory(db)).toEqual(before);
  });

  it('gives up what is missing when it is told to', async () => {
    await db.query(`DELETE FROM report_identities WHERE hashed_adv_key = 'c' AND day = $1`, [day(-4)]);
    expect(await guard().check()).toEqual([
      expect.stringMatching(/the identities of 12 of 37 reports are missing.*report_identities/),
    ]);
    expect(await guard().acceptLoss()).toHaveLength(1);
    expect(await guard().check()).toEqual([]);
  });
});
