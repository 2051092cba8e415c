import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AggregatesCron } from '../../src/aggregates/aggregates.cron.js';
import { ClockService } from '../../src/clock/clock.service.js';
import { SystemClock } from '../../src/clock/system-clock.js';
import { clockOf, guardOf, healthOf, recordedRuns, runnerOf } from '../support/services.js';
import { describeWithClock } from '../support/servers/faketime-cluster.js';
import type { TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import { Random } from '../support/random.js';
import { boundaries, expectHistoryOf, maintain } from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KEYS = ['a', 'b', 'c'];
const BEGIN = new Date('2027-03-24T12:00:00Z');

describeWithClock('wrong clocks', BEGIN, (engine, cluster) => {
  const random = new Random(20_270_325);
  let db: TestDatabase;
  let clock: ClockService;
  const ingested: TestReport[] = [];

  const now = (): Date => cluster().programTime();
  const later = (ms: number): Date => new Date(now().getTime() + ms);
  const problems = async (): Promise<string[]> =>
    (await healthOf(db).check()).problems.filter((problem) => /clock|horizon|Retention/i.test(problem));
  async function report(): Promise<void> {
    const reports = random.reports(40, KEYS, later(-3 * DAY), now());
    await insertReports(db, reports.slice(0, 20), 'ON CONFLICT DO NOTHING');
    expect(await ingestReports(db, reports.slice(20))).not.toHaveProperty('future');
    ingested.push(...reports);
  }

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { server: cluster().server });
    clock = clockOf(db.dataSource);
    for (const key of KEYS) await db.register(key);
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    await cluster().setClock(later(5 * HOUR)); // all clocks are right
    await clock.observe();
    await report();
  });

  it('close no day while the database is three days ahead, and close days again once it is right', async () => {
    await maintain(db);
    const before = await boundaries(db);
    await cluster().setServerClock(later(3 * DAY));
    await expect(maintain(db)).rejects.toThrow(
      /The clock of the database .* is 3 days ahead of the clock of this program/,
    );
    await report();
    expect(await problems()).toEqual([expect.stringContaining('is 3 days ahead of')]);
    // Also without an earlier check of the clocks, as when an operator calls it by hand.
    expect(await db.value('SELECT close_oldest_day()')).toBeNull();
    expect(await boundaries(db)).toEqual(before);

    await cluster().setServerClock(now());
    await maintain(db);
    expect(await boundaries(db)).toEqual(before);
    expect(await problems()).toEqual([]);
    await expectHistoryOf(db, ingested);
  });

  it('close no day while a program is ahead, and the program reports it', async () => {
    const before = await boundaries(db);
    jest.spyOn(SystemClock.prototype, 'now').mockImplementation(() => later(30 * DAY));
    try {
      await expect(maintain(db)).rejects.toThrow(/is 30 days behind the clock of this program/);
    } finally {
      cluster().mockProductClock();
    }
    await maintain(db);
    expect(await boundaries(db)).toEqual(before);
    await expectHistoryOf(db, ingested);
  });

  it('do not stop ingest while the database is an hour behind', async () => {
    await cluster().setServerClock(later(-HOUR));
    await clock.observe();
    await report(); // the newest are in the future by the clock of the database
    const changed = await db.query(
      'UPDATE location_reports SET nearest_city = nearest_city WHERE timestamp > now() RETURNING 1',
    );
    expect(changed.length).toBeGreaterThan(0);
    await cluster().setServerClock(now());
    await clock.observe();
    await expectHistoryOf(db, ingested);
  });

  it('do not make the product accept reports of the future', async () => {
    const ahead = { key: KEYS[0] as string, at: later(11 * MINUTE), latitude: 1, longitude: 2 };
    await expect(insertReports(db, [ahead])).rejects.toMatchObject({
      code: '23514',
      constraint: 'location_reports_not_in_future',
    });
    expect(await ingestReports(db, [ahead])).toEqual({ future: 1 });
  });

  it('move the horizon only if several reports confirm them, not only one', async () => {
    await maintain(db);
    const before = await boundaries(db);
    const uptime = new SystemClock().uptime();
    jest.spyOn(SystemClock.prototype, 'uptime').mockReturnValue(uptime);
    await cluster().setClock(later(3 * DAY)); // no machine has been up for that long
    await maintain(db);
    expect(await boundaries(db)).toEqual(before);
    expect(await problems()).toEqual([expect.stringContaining('Retention still works by')]);

    const fresh = Array.from({ length: 11 }, (_, n) => ({
      key: KEYS[n % KEYS.length] as string,
      at: later(-MINUTE - 2 * n * MINUTE),
      latitude: 1,
      longitude: 2,
    }));
    ingested.push(...fresh);
    await ingestReports(db, fresh.slice(0, 1)); // e.g. a manual INSERT ... now()
    await maintain(db);
    expect(await boundaries(db)).toEqual(before);
    await ingestReports(db, fresh.slice(0, 5)); // all within eight minutes
    await maintain(db);
    expect(await boundaries(db)).toEqual(before);
    await ingestReports(db, fresh);
    await maintain(db);
    expect((await boundaries(db)).horizon).toEqual(new Date(before.horizon.getTime() + 3 * DAY));
    expect(await problems()).toEqual([]);
    cluster().mockProductClock();
    await expectHistoryOf(db, ingested);
  });

  it('do not delay jobs with recorded runs in the future', async () => {
    await db.query('TRUNCATE job_runs');
    await db.query(
      `INSERT INTO job_runs (job, slot, attempt, holder, outcome, finished_at)
       SELECT job, date_trunc('hour', now()) + interval '3 days', 1, 'test', 'done', now() + interval '3 days'
       FROM unnest(ARRAY['maintenance', 'aggregate_refresh']) AS job`,
    );
    const runner = runnerOf(db.dataSource);
    new AggregatesCron(runner, db.aggregates, {
      refresh: () => Promise.resolve({ refreshed: true }),
    } as never).onModuleInit();
    await runner.tick();
    for (const job of ['maintenance', 'aggregate_refresh']) {
      const done = (await recordedRuns(db, job)).filter(({ slot }) => slot && slot < now());
      expect(done.map(({ outcome }) => outcome)).toEqual(['done']);
    }
  });

  it('leave no recorded time in the far future once they are right', async () => {
    await cluster().setServerClock(later(2 * DAY));
    await clock.observe();
    await db.query(`UPDATE find_my_pace SET next_call_at = clock_timestamp() + interval '2 seconds'`);
    await db.query(`UPDATE trackers SET last_report_received = now()`);
    await cluster().setServerClock(now());
    await clock.observe();
    expect(
      await db.value(`SELECT next_call_at - clock_timestamp() < interval '1 minute' FROM find_my_pace`),
    ).toBe(true);
    expect(
      await db.value(
        `SELECT max(last_report_received) < clock_timestamp() + interval '1 minute' FROM trackers`,
      ),
    ).toBe(true);
  });

  describe('a machine that was restarted', () => {
    let uptime: jest.SpiedFunction<SystemClock['uptime']>;
    let boot = 0;
    const bootAgain = (): ClockService => {
      const machine = new SystemClock();
      Object.defineProperty(machine, 'machine', { value: `boot ${(boot += 1)}` });
      return clockOf(db.dataSource, machine);
    };
    beforeAll(() => {
      uptime = jest.spyOn(SystemClock.prototype, 'uptime').mockReturnValue(10);
    });
    afterAll(() => cluster().mockProductClock());

    /** Lag of the agreed time right after a boot, 14 minutes and 16 minutes later. */
    async function lagsAfterBoot(offMs: number): Promise<number[]> {
      await clock.accept(false);
      await cluster().setClock(later(offMs));
      const other = bootAgain();
      const lags: number[] = [];
      for (const [minutes, since] of [
        [0, 0],
        [14, 14],
        [2, 16],
      ] as const) {
        // prettier-ignore
        uptime.mockReturnValue(10 + since * 60);
        await cluster().setClock(later(minutes * MINUTE));
        lags.push(now().getTime() - (await other.observe()).agreedTime.getTime());
      }
      return lags;
    }

    it('is trusted once its clock has run for 15 minutes', async () => {
      const [first, soon, then] = await lagsAfterBoot(40 * MINUTE);
      expect(Math.min(Number(first), Number(soon))).toBeGreaterThan(30 * MINUTE);
      expect(then).toBeLessThan(MINUTE);
    });

    it('is not trusted if it was off for long, because its clock may be wrong', async () => {
      expect(Math.min(...(await lagsAfterBoot(2 * DAY)))).toBeGreaterThan(DAY);
      expect(await problems()).toEqual([expect.stringContaining('Retention still works by')]);
      await clock.accept(false);
      expect(await problems()).toEqual([]);
    });

    it('is trusted at once if its clock agrees with the others', async () => {
      uptime.mockReturnValue(10);
      await clock.accept(false);
      expect(now().getTime() - (await bootAgain().observe()).agreedTime.getTime()).toBeLessThan(MINUTE);
    });
  });

  it('let a repair move a horizon back that ran ahead, without changing a day of history', async () => {
    const guard = guardOf(db);
    await clock.accept(false);
    await maintain(db);
    await db.settle();
    const days = await db.query('SELECT * FROM location_history_days ORDER BY hashed_adv_key, bucket');
    await db.query(
      `UPDATE history_state SET closed_before = closed_before + interval '9 days', cut = cut + interval '9 days'`,
    );
    expect(await problems()).toEqual([expect.stringContaining('To move it back run: tracker mend')]);
    const plan = (await guard.plan()).horizon;
    const { horizon: repaired } = await guard.mend();
    expect(repaired).toEqual(plan);
    const { horizon, cut } = await boundaries(db);
    expect(horizon).toEqual(repaired.now);
    const newest = await db.value<Date>('SELECT max(bucket) FROM location_history_days');
    expect(horizon.getTime()).toBeLessThanOrEqual(newest.getTime() + DAY);
    expect(cut.getTime()).toBeGreaterThanOrEqual(horizon.getTime());
    expect(await db.query('SELECT * FROM location_history_days ORDER BY hashed_adv_key, bucket')).toEqual(
      days,
    );
    expect((await guard.mend()).horizon).toEqual({ before: horizon, now: horizon });

    await cluster().setClock(new Date(Math.max(cut.getTime(), now().getTime()) + HOUR));
    await clock.observe();
    expect(
      await ingestReports(db, [{ key: KEYS[0] as string, at: now(), latitude: 1, longitude: 2 }]),
    ).toEqual({
      stored: 1,
    });
    expect(await problems()).toEqual([]);
  });
});
