import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { at, type TestReport } from '../support/history-oracle.js';
import { Random } from '../support/random.js';
import { boundaries, dayNames, expectHistoryOf, keepRaw, maintain } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

const KEYS = ['a', 'b', 'c', 'unregistered'];
/** Counts rows that are not in the partition of their day. */
const MISPLACED = `SELECT count(*) FROM location_reports
  WHERE tableoid::regclass::text <> 'location_reports_' || to_char(timestamp AT TIME ZONE 'UTC', 'YYYYMMDD')`;

describe('thirty days without a running process', () => {
  let db: TestDatabase;
  let today: Date;
  let reports: TestReport[];

  // The last process ran thirty days ago, with a horizon ten days earlier, and created partitions for fourteen days.
  beforeEach(async () => {
    db = await TestDatabase.create('postgresql', {
      env: { RAW_RETENTION_DAYS: '40', HOURLY_RETENTION_HOURS: '960' },
    });
    today = await db.value<Date>(`SELECT date_trunc('day', now(), 'UTC')`);
    for (const key of ['a', 'b', 'c']) await db.register(key);
    for (const day of dayNames(today, 15, -14))
      await db.query(`DROP TABLE location_reports_${day.replaceAll('-', '')}`);

    const random = new Random(30);
    reports = [];
    for (let day = -45; day < 0; day++) {
      const ofDay = random.reports(60, KEYS, at(today, day, '00:00:00'), at(today, day + 1, '00:00:00'));
      await insertReports(db, ofDay);
      reports.push(...ofDay);
    }
    // The last moment of a day, and the first of the next.
    const edges = [at(today, -10, '23:59:59.999'), at(today, -9, '00:00:00')].map(
      (moment, i): TestReport => ({ key: 'a', at: moment, latitude: i, longitude: i }),
    );
    await insertReports(db, edges);
    reports.push(...edges);
  });
  afterEach(() => db.drop());

  const registered = (): TestReport[] => reports.filter(({ key }) => key !== 'unregistered');
  const inDefault = (): Promise<number> => db.value('SELECT count(*) FROM location_reports_default');

  it('lose no report: history is correct before any process starts', async () => {
    expect(await inDefault()).toBe(15 * 60 + 2);
    await expectHistoryOf(db, registered());
  });

  it('are caught up by maintenance, which moves every row to the partition of its day', async () => {
    expect((await maintain(db)).partitionsMade).toBe(30);
    expect(await inDefault()).toBe(0);
    expect(await db.value(MISPLACED)).toBe(0);
    expect(await db.value('SELECT count(*) FROM location_reports')).toBe(40 * 60 + 2);
    await expectHistoryOf(db, registered());
  });

  it('are caught up by maintenance that closes 38 days', async () => {
    await keepRaw(db, 2);
    expect((await maintain(db)).daysClosed).toEqual(dayNames(today, 40, 3));
    expect(await boundaries(db)).toEqual({
      horizon: at(today, -2, '00:00:00'),
      cut: at(today, -1, '00:00:00'),
    });
    expect(await inDefault()).toBe(0);
    expect(await db.value(MISPLACED)).toBe(0);
    expect(await db.value('SELECT count(*) FROM location_reports')).toBe(2 * 60);
    await expectHistoryOf(db, registered());
    await insertReports(db, reports, 'ON CONFLICT DO NOTHING');
    await expectHistoryOf(db, registered());
  });

  it('are caught up without disturbing concurrent inserts', async () => {
    await keepRaw(db, 2);
    const state = { busy: true };
    const random = new Random(31);
    const failures: unknown[] = [];
    const inserting = [1, 2, 3].map(async () => {
      while (state.busy) {
        const some = random.reports(20, KEYS, at(today, -20, '00:00:00'), at(today, 0, '00:00:00'));
        try {
          await insertReports(db, some);
          reports.push(...some);
        } catch (error) {
          failures.push(error);
        }
      }
    });
    const before = reports.length;
    await maintain(db);
    state.busy = false;
    await Promise.all(inserting);
    expect(failures).toEqual([]);
    expect(reports.length).toBeGreaterThan(before);
    expect(await inDefault()).toBe(0);
    expect(await db.value(MISPLACED)).toBe(0);
    await expectHistoryOf(db, registered());
  });
});
