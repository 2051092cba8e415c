import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { Random } from '../support/random.js';
import { expectHistoryOf, historyToday } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('changes from several connections at once', (engine) => {
  let db: TestDatabase;
  let today: Date;

  beforeEach(async () => {
    db = await TestDatabase.create(engine);
    today = await historyToday(db);
    for (const key of ['a', 'b', 'c']) await db.register(key);
  });
  afterEach(() => db.drop());

  const forEach = (reports: readonly TestReport[], sql: string): Promise<unknown> =>
    db.query(
      `${sql} WHERE (hashed_adv_key, timestamp) IN (SELECT * FROM unnest($1::text[], $2::timestamptz[]))`,
      [reports.map(({ key }) => key), reports.map((report) => report.at)],
    );

  /** Inserts, changes and deletes reports of its own, for the same trackers and days as the other writers. */
  async function work(seed: number): Promise<TestReport[]> {
    const random = new Random(seed);
    const left: TestReport[] = [];
    for (let i = 0; i < 40; i++) {
      const batch = random.reports(
        5 + random.int(30),
        ['a', 'b', 'c'],
        at(today, -2, '00:00:00'),
        at(today, 0, '00:00:00'),
      );
      await insertReports(db, batch);
      const half = batch.slice(0, batch.length / 2);
      if (random.oneIn(2)) {
        await forEach(half, `UPDATE location_reports SET nearest_city = 'Rom', confidence = 9`);
        for (const report of half) Object.assign(report, { city: 'Rom', confidence: 9 });
        left.push(...batch);
      } else if (random.oneIn(2)) {
        await forEach(batch, 'DELETE FROM location_reports');
      } else {
        await forEach(half, 'DELETE FROM location_reports');
        left.push(...batch.slice(batch.length / 2));
      }
    }
    return left;
  }

  it('leave exact hours and days', async () => {
    const left = await Promise.all([1, 2, 3, 4].map(work));
    await expectHistoryOf(db, left.flat());
  });

  it('leave an exact day that loses its last report and gets another', async () => {
    const reports = [1, 2, 3, 4].map((n): TestReport => ({
      key: 'a',
      at: at(today, -1, `10:00:00.00${n}`),
      latitude: n,
      longitude: n,
    }));
    await Promise.all(
      reports.map(async (report, n) => {
        for (let i = 0; i < 50; i++) {
          await insertReports(db, [report]);
          if (i < 49 || n % 2 === 0) await forEach([report], 'DELETE FROM location_reports');
        }
      }),
    );
    await expectHistoryOf(
      db,
      reports.filter((_, n) => n % 2 === 1),
    );
    expect(await db.value('SELECT count(*) FROM location_reports')).toBe(2);
  });
});
