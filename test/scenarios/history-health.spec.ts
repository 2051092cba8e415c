import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { describeOnEveryEngine } from '../support/engines.js';
import { healthOf } from '../support/services.js';
import { historyToday } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('the health check of history', (engine) => {
  let db: TestDatabase;
  let today: Date;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    today = await historyToday(db);
    await db.register('a');
  });
  afterAll(() => db.drop());
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const problems = async (): Promise<string[]> => (await healthOf(db).check()).problems;
  const report = (time: string): Promise<void> =>
    insertReports(db, [{ key: 'a', at: at(today, -1, time), latitude: 1, longitude: 2 }]);

  it('reports stale history even while changes are pending', async () => {
    const isStale = async (): Promise<boolean> => (await healthOf(db).check()).viewIsStale;
    expect(await isStale()).toBe(true); // a tracker was registered
    await db.aggregates.aggregateChanges();
    expect(await isStale()).toBe(true);
    await db.aggregates.refreshView();
    expect(await isStale()).toBe(false);
  });

  it('reports nothing where there is no history at all', async () => {
    await db.settle();
    expect(await problems()).toEqual([]);
  });

  it('reports an empty view at once where there is history', async () => {
    await report('10:00:00');
    await db.aggregates.aggregateChanges();
    expect(await problems()).toEqual([expect.stringContaining('location_history is empty')]);
    await db.aggregates.refreshView();
    expect(await problems()).toEqual([]);
  });

  it('reports a lag once it lasts', async () => {
    await report('11:00:00');
    await db.aggregates.aggregateChanges();
    expect(await problems()).toEqual([]);
    await db.query(`UPDATE refresh_state SET behind_since = behind_since - interval '3 minutes'`);
    await report('12:00:00');
    await db.aggregates.aggregateChanges(); // a later change does not reset its age
    expect(await problems()).toEqual([
      expect.stringMatching(/location_history has been behind for 1[89]\d seconds/),
    ]);
    await db.aggregates.refreshView();
    expect(await problems()).toEqual([]);
  });

  it('reports keys of no tracker, and logs when there are more', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const told = (): string[] => warn.mock.calls.map(([text]) => String(text));
    const reportOf = async (key: string, time: string): Promise<void> => {
      await insertReports(db, [{ key, at: at(today, -1, time), latitude: 1, longitude: 2 }]);
      await db.aggregates.aggregateChanges();
    };
    await reportOf('unknown', '13:00:00');
    await reportOf('unknown', '13:01:00');
    expect(told()).toEqual([expect.stringMatching(/^1 reports of 1 unregistered keys are kept/)]);
    await reportOf('unknown too', '13:02:00');
    expect(told()).toEqual([expect.anything(), expect.stringMatching(/^3 reports of 2 unregistered keys/)]);
    await db.aggregates.refreshView();
    expect(await problems()).toEqual([expect.stringMatching(/^3 reports of 2 keys belong to no tracker/)]);
    await db.query("DELETE FROM location_reports WHERE hashed_adv_key LIKE 'unknown%'");
    await db.settle();
  });

  if (engine === 'timescaledb') {
    it('ignores a single failure of a policy, and reports it once it lasts', async () => {
      const fail = (lastSuccess: string): Promise<unknown> =>
        db.administer(
          `INSERT INTO _timescaledb_internal.bgw_job_stat AS stat (job_id, last_start, last_finish, next_start,
             last_successful_finish, last_run_success, total_runs, total_duration, total_duration_failures,
             total_successes, total_failures, total_crashes, consecutive_failures, consecutive_crashes)
           SELECT job_id, now(), now(), now() + interval '1 day', $1::timestamptz, false, 9, '0', '0', 4, 5, 0, 5, 0
           FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'
           ON CONFLICT (job_id) DO UPDATE SET last_run_success = false, total_failures = 5,
             last_successful_finish = excluded.last_successful_finish`,
          [lastSuccess],
        );
      const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();
      await db.query(
        `SELECT alter_job(job_id, scheduled => true, next_start => now() + interval '1 day')
         FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'`,
      );
      await fail(hoursAgo(20));
      expect(await problems()).toEqual([]);
      await fail(hoursAgo(60));
      expect(await problems()).toEqual([
        expect.stringMatching(
          /^The policy policy_compression of location_reports of TimescaleDB has not succeeded since .*\(5 failures\)/,
        ),
      ]);
      await fail('-infinity');
      expect(await problems()).toEqual([expect.stringContaining('has never succeeded')]);
    });
  }
});
