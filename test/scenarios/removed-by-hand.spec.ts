import { expect, it } from '@jest/globals';
import { healthOf } from '../support/services.js';
import { describeRemovedHistory, A_DAY, DROPS, PER_DAY } from '../support/scenes/removal-scene.js';
import { maintain } from '../support/history.js';

/** A statement that a user runs by hand, and what the product does about it. */
interface Removal {
  how: string;
  /** See RemovalScene.fillIn(). */
  sql: string;
  /** Message with which the database rejects it. */
  refused?: RegExp;
  /** Message by which the health check names it. */
  named?: RegExp;
  /** Number of reports of the day that are named as missing. */
  missing?: number;
}

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
      sql: DROPS.postgresql,
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
      sql: DROPS.timescaledb,
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

describeRemovedHistory('history removed by hand', (engine, scene) => {
  it.each(REMOVALS[engine] ?? [])(
    'is protected, or its loss is noticed: $how',
    async ({ sql, refused, named, missing }) => {
      const { db, guard } = scene();
      if (refused) {
        await expect(db.query(scene().fillIn(sql))).rejects.toThrow(refused);
        expect(await scene().history()).toEqual(scene().before);
        return;
      }
      await db.query(scene().fillIn(sql));
      const { problems } = await scene().check();
      expect(problems).toEqual([expect.stringMatching(named as RegExp)]);
      expect((await healthOf(db).check()).problems).toEqual(expect.arrayContaining(problems));
      const remedy = /Remove the policy: (SELECT .*)$/.exec(problems[0] ?? '')?.[1];
      if (remedy !== undefined) {
        await db.query(remedy);
        return;
      }
      expect(problems[0]).toMatch(new RegExp(`\\b${missing} of \\d+ `));

      // The work of the timers.
      await maintain(db);
      for (const relation of ['hourly', 'daily']) {
        await db.query(
          `CALL refresh_continuous_aggregate('location_history_${relation}', '${scene().day(-2)}', now())`,
        );
      }
      expect((await scene().check()).problems).toEqual(problems);
      await guard.mend();
      await maintain(db);
      await scene().importAgain();
      expect((await scene().importAgain())['duplicate']).toBe(scene().reports.length);
      expect(await scene().history()).toEqual(scene().before);
    },
  );

  it('is counted where it is not listed one by one, and each loss can be accepted', async () => {
    await scene().db.query(
      `INSERT INTO history_days (day, reports) SELECT $1::timestamptz - n * interval '24 hours', n FROM generate_series(1, 13) AS n`,
      [scene().day(-20)],
    );
    const { problems } = await scene().guard.inspect();
    const { missingReports } = await healthOf(scene().db).check();
    expect(missingReports).toHaveLength(13);
    expect(problems).toHaveLength(11);
    const [eleventh, last] = [scene().day(-23), scene().day(-21)].map((text) => text.slice(0, 10));
    expect(problems[10]).toBe(
      `And 6 more from ${eleventh} to ${last}: tracker doctor --json lists each day under missingReports`,
    );
    expect(await scene().guard.acceptLoss()).toEqual(missingReports);
    expect((await scene().check()).problems).toEqual([]);
  });

  it('is accepted as lost on request', async () => {
    await scene().db.query(`DELETE FROM report_identities WHERE hashed_adv_key = 'c' AND day = $1`, [
      scene().day(-4),
    ]);
    expect((await scene().check()).problems).toEqual([
      expect.stringMatching(/the identities of 12 of 37 reports are missing.*report_identities/),
    ]);
    expect(await scene().guard.acceptLoss()).toHaveLength(1);
    expect((await scene().check()).problems).toEqual([]);
  });
});
