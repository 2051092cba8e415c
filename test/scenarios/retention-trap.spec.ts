import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import {
  countsByDay,
  DOCUMENTED_REFRESH,
  expectHistoryOf,
  historyWithout,
  historyToday,
  LONG_RAW_RETENTION,
  maintain,
  sixDaysThenRetention,
} from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

const KEYS = ['a', 'b', 'c'];

/** Two ways to store reports: a statement by hand, and the import. */
const WAYS_IN = {
  'a plain INSERT': (db: TestDatabase, report: TestReport) => insertReports(db, [report]),
  'the import': (db: TestDatabase, report: TestReport) => ingestReports(db, [report]),
};

/**
 * The trap: once the raw reports of a day are dropped, a refresh that covers the day would compute it from nothing, and
 * after a late report it would compute the day, for all trackers, from just that report.
 */
describeOnEveryEngine('the retention trap', (engine) => {
  describe.each(Object.entries(WAYS_IN))('with late reports by %s', (_, insert) => {
    let db: TestDatabase;
    let today: Date;
    const reports: TestReport[] = [];

    beforeAll(async () => {
      db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
      today = await historyToday(db);
      for (const key of KEYS) await db.register(key);
      reports.push(...(await sixDaysThenRetention(db, today, KEYS)));
    });
    afterAll(() => db.drop());
    beforeEach(async () => {
      today = await historyToday(db);
    });

    /** Runs retention and every kind of refresh; none of them may change history. */
    async function everythingOnceMore(): Promise<void> {
      await maintain(db);
      await db.query(DOCUMENTED_REFRESH);
      await db.settle();
      await db.query(DOCUMENTED_REFRESH);
    }

    it('has dropped the raw reports of earlier days', async () => {
      const oldest = await db.value<Date>('SELECT min(timestamp) FROM location_reports');
      expect(oldest.getTime()).toBeGreaterThanOrEqual(at(today, -2, '00:00:00').getTime());
      expect(await db.value('SELECT count(*) FROM location_reports')).toBe(2 * 24 * KEYS.length);
    });

    it('keeps every day with its full count when the documented refresh covers it', async () => {
      await db.query(DOCUMENTED_REFRESH);
      await expectHistoryOf(db, reports);
      const counts = await countsByDay(db);
      expect(Object.keys(counts).length).toBeGreaterThanOrEqual(KEYS.length * 5);
      expect(new Set(Object.values(counts))).toEqual(new Set([24]));
    });

    it('adds a report of four days ago to its day, and touches no other row', async () => {
      const day = at(today, -4, '00:00:00');
      const beside = await historyWithout(db, 'a', day);
      const late = { key: 'a', at: at(today, -4, '13:13:13'), latitude: 1, longitude: 2 };
      await insert(db, late);
      reports.push(late);
      await expectHistoryOf(db, reports);
      expect((await countsByDay(db))[`a ${day.toISOString().slice(0, 10)}`]).toBe(25);
      expect(await historyWithout(db, 'a', day)).toEqual(beside);
    });

    it('keeps that day through retention and the documented refresh', async () => {
      await everythingOnceMore();
      await expectHistoryOf(db, reports);
    });

    it('stores a report of forty days ago as a day of its own', async () => {
      const late = { key: 'b', at: at(today, -40, '23:59:59.999'), latitude: -3, longitude: 4 };
      await insert(db, late);
      reports.push(late);
      await everythingOnceMore();
      await expectHistoryOf(db, reports);
    });

    it('changes nothing when each of them comes again', async () => {
      const before = await countsByDay(db);
      const again = [0, 100, 143, reports.length - 2, reports.length - 1].flatMap((i) => reports[i] ?? []);
      for (const report of again) {
        await insert(db, report).catch((error: unknown) => {
          // Raw reports have a unique key, so a plain INSERT fails.
          expect(error).toMatchObject({ code: '23505' });
        });
        await maintain(db);
        await db.query(DOCUMENTED_REFRESH);
      }
      await expectHistoryOf(db, reports);
      expect(await countsByDay(db)).toEqual(before);
    });
  });
});
