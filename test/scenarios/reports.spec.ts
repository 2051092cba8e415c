import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday, readHistory } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';
import { REPORT_SCENARIOS } from './report-scenarios.js';

describeOnEveryEngine('history of reports', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let tracker = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    today = await historyToday(db);
    tracker += 1;
    await db.query('DELETE FROM trackers');
  });

  it.each(REPORT_SCENARIOS)('$name', async ({ given, rows }) => {
    const keyed = (key: string): string => `${key}-${tracker}`;
    const steps = given(today).map((step) => step.map((report) => ({ ...report, key: keyed(report.key) })));
    for (const key of new Set(steps.flat().map((report) => report.key))) await db.register(key);
    for (const step of steps) await insertReports(db, step, 'ON CONFLICT DO NOTHING');

    await expectHistoryOf(db, steps.flat());
    const shown = (await readHistory(db)).map(({ key, size, bucket, reports, latitude }) => {
      return [key, size, bucket, reports, latitude];
    });
    expect(shown).toEqual(rows(today).map(([key, ...rest]) => [keyed(key), ...rest]));
  });

  it('respects the offset of a time', async () => {
    const key = `offset-${tracker}`;
    await db.register(key);
    const day = at(today, -2, '00:00:00').toISOString().slice(0, 10);
    const written = [`${day} 12:00:00+14`, `${day}T23:30:00-03:00`, `${day} 17:30:00+05:30`];
    for (const [i, time] of written.entries()) {
      await db.query(
        `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
         VALUES ('${key}', '${time}', ST_SetSRID(ST_MakePoint(7, ${i}), 4326)) ON CONFLICT DO NOTHING`,
      );
    }
    const moments = [at(today, -3, '22:00:00'), at(today, -1, '02:30:00'), at(today, -2, '12:00:00')];
    await expectHistoryOf(
      db,
      moments.map((moment, i) => ({ key, at: moment, latitude: i, longitude: 7 })),
    );
  });

  it('counts reports of a tracker that is registered later', async () => {
    const report: TestReport = {
      key: `orphan-${tracker}`,
      at: at(today, -1, '08:00:00'),
      latitude: 1,
      longitude: 2,
    };
    await insertReports(db, [report]);
    expect(await readHistory(db)).toEqual([]);
    await db.register(report.key);
    await expectHistoryOf(db, [report]);
  });
});
