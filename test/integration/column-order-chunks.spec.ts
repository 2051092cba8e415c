import { afterEach, beforeEach, it } from '@jest/globals';
import { describeOnTimescale } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday, keepRaw, maintain } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

const FIELDS = {
  ...{ latitude: 1, longitude: 2, confidence: 3, accuracy: 5000, city: 'Rome' },
  ...{ altitude: 100.5, speed: 2.5, course: 90, battery: 55, motion: 'cycling' },
} as const;
const INSERT = `(motion, battery, course, speed, altitude, nearest_city, horizontal_accuracy, confidence, location,
    timestamp, hashed_adv_key)
  VALUES ('cycling', 55, 90, 2.5, 100.5, 'Rome', 5000, 3, make_geo_point(2, 1), $1, 'a')`;

describeOnTimescale('chunks of different ages', () => {
  let db: TestDatabase;
  let today: Date;

  beforeEach(async () => {
    db = await TestDatabase.create('timescaledb');
    today = await historyToday(db);
    await db.register('a');
  });
  afterEach(() => db.drop());

  it('store late reports by the names of their columns', async () => {
    const before: TestReport = { key: 'a', at: at(today, -1, '10:00:00'), ...FIELDS };
    await insertReports(db, [before]);
    // A chunk of today has the dropped column no more; one of before still has its place.
    await db.query('ALTER TABLE location_reports ADD gone integer');
    await db.query('ALTER TABLE location_reports DROP gone, ADD added text');
    const after = [-1, -2, -20, -21].map((days): TestReport => ({
      ...before,
      at: at(today, days, '11:00:00'),
    }));
    for (const report of after) await db.query(`INSERT INTO location_reports ${INSERT}`, [report.at]);
    await expectHistoryOf(db, [before, ...after]);
    await keepRaw(db, 1);
    await maintain(db);
    await insertReports(db, [{ ...before, at: at(today, -2, '12:00:00') }]);
    await expectHistoryOf(db, [before, ...after, { ...before, at: at(today, -2, '12:00:00') }]);
  });
});
