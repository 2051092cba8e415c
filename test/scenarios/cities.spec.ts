import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

interface Changed {
  raw: number;
  hours: number;
  days: number;
}

describeOnEveryEngine('update_nearest_city', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let key: string;
  let count = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    today = await historyToday(db);
    await db.query('DELETE FROM trackers');
    key = `city-${++count}`;
    await db.register(key);
  });

  const report = (days: number, time: string, city?: string): TestReport => ({
    key,
    at: at(today, days, time),
    latitude: 1,
    longitude: 2,
    ...(city !== undefined && { city }),
  });

  async function given(reports: TestReport[]): Promise<TestReport[]> {
    await insertReports(db, reports);
    await expectHistoryOf(db, reports);
    return reports;
  }

  async function update(from: Date, to: Date, city: string): Promise<Changed> {
    const rows = await db.query<{ layer: string; rows_changed: number }>(
      'SELECT layer, rows_changed FROM update_nearest_city($1, $2, $3, $4)',
      [key, from, to, city],
    );
    // Every engine returns one row per layer.
    expect(rows.map(({ layer }) => layer)).toEqual([
      'location_reports',
      'location_history_hourly',
      'location_history_daily',
    ]);
    const [raw = 0, hours = 0, days = 0] = rows.map((row) => row.rows_changed);
    return { raw, hours, days };
  }

  it('updates every layer where raw reports exist, and returns the number of rows', async () => {
    const reports = await given([
      report(-1, '09:00:00', 'Bonn'),
      report(-1, '10:10:00'),
      report(-1, '10:50:00', 'Bonn'),
      report(-1, '12:00:00'),
      report(-2, '12:00:00'),
    ]);
    const [from, to] = [at(today, -2, '12:00:00'), at(today, -1, '10:50:00')];
    // Yesterday's hours 9 and 10, and both days: yesterday too, although its newest report is after the range.
    expect(await update(from, to, 'Rom')).toEqual({ raw: 4, hours: 2, days: 2 });
    const inRange = (r: TestReport): boolean => r.at >= from && r.at <= to;
    const renamed = reports.map((r) => (inRange(r) ? { ...r, city: 'Rom' } : r));
    await expectHistoryOf(db, renamed);
    expect(await update(from, to, 'Rom')).toEqual({ raw: 0, hours: 0, days: 0 });
    await expectHistoryOf(db, renamed);
  });

  it('includes both ends of the range', async () => {
    const [a, b] = await given([report(-1, '10:00:00'), report(-1, '11:00:00')]);
    expect(await update(at(today, -1, '10:00:00'), at(today, -1, '11:00:00'), 'Rom')).toEqual({
      raw: 2,
      hours: 2,
      days: 1,
    });
    await expectHistoryOf(db, [
      { ...(a as TestReport), city: 'Rom' },
      { ...(b as TestReport), city: 'Rom' },
    ]);
  });

  it('changes no other tracker', async () => {
    await db.register(`${key}-other`);
    const other = { ...report(-1, '10:00:00'), key: `${key}-other` };
    await given([report(-1, '10:00:00'), other]);
    await update(at(today, -1, '00:00:00'), at(today, 0, '00:00:00'), 'Rom');
    await expectHistoryOf(db, [report(-1, '10:00:00', 'Rom'), other]);
  });

  describe("never replaces a newer report's city by that of an older one", () => {
    it('where raw reports exist', async () => {
      await given([report(-1, '10:10:00', 'Bonn'), report(-1, '10:50:00', 'Köln')]);
      expect(await update(at(today, -1, '10:10:00'), at(today, -1, '10:49:59'), 'Rom')).toEqual({
        raw: 1,
        hours: 0,
        days: 0,
      });
      await expectHistoryOf(db, [report(-1, '10:10:00', 'Rom'), report(-1, '10:50:00', 'Köln')]);
    });

    it('where raw reports are gone', async () => {
      const reports = await given([report(-5, '10:10:00', 'Bonn'), report(-5, '10:50:00', 'Köln')]);
      expect(await update(at(today, -5, '10:10:00'), at(today, -5, '10:49:59'), 'Rom')).toEqual({
        raw: 0,
        hours: 0,
        days: 0,
      });
      await expectHistoryOf(db, reports);
    });
  });

  describe('where the city stays the same', () => {
    /** Time of the report from which the only row of a day or hour has its city. */
    const since = (relation: string): Promise<Date> =>
      db.value(`SELECT nearest_city_at FROM ${relation} WHERE hashed_adv_key = $1`, [key]);

    it('records that a newer report has it, where raw reports are gone', async () => {
      const [older, newest] = (await given([report(-5, '10:10:00', 'Bonn'), report(-5, '10:50:00')])) as [
        TestReport,
        TestReport,
      ];
      expect(await update(newest.at, newest.at, 'Bonn')).toEqual({ raw: 0, hours: 0, days: 0 });
      expect(await since('location_history_days')).toEqual(newest.at);
      // A report from between the two that arrives later has no newer city any more.
      const between = report(-5, '10:30:00', 'Ulm');
      await insertReports(db, [between]);
      await expectHistoryOf(db, [older, between, { ...newest, city: 'Bonn' }]);
    });

    it('records it at once where raw reports exist', async () => {
      const [, newest] = (await given([report(-1, '10:10:00', 'Bonn'), report(-1, '10:50:00')])) as [
        TestReport,
        TestReport,
      ];
      expect(await update(newest.at, newest.at, 'Bonn')).toEqual({ raw: 1, hours: 0, days: 0 });
      expect(await since('location_history_hourly')).toEqual(newest.at);
    });
  });

  it('counts hours and days that have their city from an older report', async () => {
    await given([report(-1, '10:10:00'), report(-1, '10:50:00')]);
    expect(await update(at(today, -1, '10:10:00'), at(today, -1, '10:10:00'), 'Rom')).toEqual({
      raw: 1,
      hours: 1,
      days: 1,
    });
    await expectHistoryOf(db, [report(-1, '10:10:00', 'Rom'), report(-1, '10:50:00')]);
  });

  describe('where raw reports are gone', () => {
    it('uses the newest report of a day, in whatever order reports arrived', async () => {
      const closed = await given([report(-5, '10:10:00', 'Bonn'), report(-5, '10:50:00')]);
      const between = report(-5, '10:30:00');
      await insertReports(db, [between]);
      expect(await update(between.at, between.at, 'Rom')).toEqual({ raw: 0, hours: 0, days: 0 });
      await expectHistoryOf(db, [...closed, between]);
    });

    it('gives a day the city of its newest report', async () => {
      const [older, newest] = await given([report(-5, '10:10:00', 'Bonn'), report(-5, '10:50:00')]);
      expect(await update(newest?.at as Date, newest?.at as Date, 'Rom')).toEqual({
        raw: 0,
        hours: 0,
        days: 1,
      });
      await expectHistoryOf(db, [older as TestReport, { ...(newest as TestReport), city: 'Rom' }]);
    });

    it('renames the city that a day has from an older report', async () => {
      const [older, newest] = await given([report(-5, '10:10:00', 'Bonn'), report(-5, '10:50:00')]);
      expect(await update(at(today, -5, '10:00:00'), at(today, -5, '10:20:00'), 'Rom')).toEqual({
        raw: 0,
        hours: 0,
        days: 1,
      });
      await expectHistoryOf(db, [{ ...(older as TestReport), city: 'Rom' }, newest as TestReport]);
      // A report from between the two that arrives later still has the newer city.
      const between = report(-5, '10:30:00', 'Ulm');
      await insertReports(db, [between]);
      await expectHistoryOf(db, [{ ...(older as TestReport), city: 'Rom' }, between, newest as TestReport]);
    });

    it('updates whole days, and no day outside the range', async () => {
      const days = await given([-7, -6, -5, -4].map((day) => report(day, '12:00:00', 'Bonn')));
      expect(await update(at(today, -6, '00:00:00'), at(today, -5, '23:59:59'), 'Rom')).toMatchObject({
        days: 2,
      });
      await expectHistoryOf(
        db,
        days.map((r, i) => (i === 1 || i === 2 ? { ...r, city: 'Rom' } : r)),
      );
    });
  });

  it('updates raw reports and the remaining layers in one call', async () => {
    const reports = await given([report(-5, '12:00:00'), report(-2, '12:00:00'), report(-1, '12:00:00')]);
    expect(await update(at(today, -9, '00:00:00'), at(today, 0, '00:00:00'), 'Rom')).toMatchObject({
      raw: 2,
      hours: 1,
    });
    await expectHistoryOf(
      db,
      reports.map((r) => ({ ...r, city: 'Rom' })),
    );
  });
});
