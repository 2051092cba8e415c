import { afterEach, beforeEach, it } from '@jest/globals';
import { describeOnTimescale } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday, keepRaw, maintain } from '../support/history.js';
import { EVERY_FIELD, insertReports, VALUES_IN_REVERSE } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

describeOnTimescale('chunks of different ages', () => {
  let db: TestDatabase;
  let today: Date;

  beforeEach(async () => {
    db = await TestDatabase.create('timescaledb');
    today = await historyToday(db);
    await db.register('a');
  });
  afterEach(() => db.drop());

  it('store late reports by column name', async () => {
    const before: TestReport = { key: 'a', at: at(today, -1, '10:00:00'), ...EVERY_FIELD };
    await insertReports(db, [before]);
    // New chunks do not have the dropped column; older ones still have it, hidden.
    await db.query('ALTER TABLE location_reports ADD gone integer');
    await db.query('ALTER TABLE location_reports DROP gone, ADD added text');
    const after = [-1, -2, -20, -21].map((days): TestReport => ({
      ...before,
      at: at(today, days, '11:00:00'),
    }));
    for (const report of after)
      await db.query(`INSERT INTO location_reports ${VALUES_IN_REVERSE}`, [report.at]);
    await expectHistoryOf(db, [before, ...after]);
    await keepRaw(db, 1);
    await maintain(db);
    await insertReports(db, [{ ...before, at: at(today, -2, '12:00:00') }]);
    await expectHistoryOf(db, [before, ...after, { ...before, at: at(today, -2, '12:00:00') }]);
  });
});
