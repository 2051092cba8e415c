import { afterEach, beforeEach, expect, it, describe } from '@jest/globals';
import { sqlFile } from '../../src/database/sql-files.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { dayNames, expectHistoryOf, historyToday } from '../support/history.js';
import { EVERY_FIELD, insertReports, VALUES_IN_REVERSE } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

/** A partition that was attached by hand, or restored, may have another order of columns than its table. */
describe('a default partition with its columns in another order', () => {
  let db: TestDatabase;
  let today: Date;

  beforeEach(async () => {
    db = await TestDatabase.create('postgresql');
    today = await historyToday(db);
    await db.register('a');
    await db.query(`
      ALTER TABLE location_reports DETACH PARTITION location_reports_default;
      DROP TABLE location_reports_default;
      CREATE TABLE location_reports_default (imprecise boolean NOT NULL DEFAULT false, motion text, battery smallint,
        speed float8, course float8, altitude float8, received_at timestamptz(3) NOT NULL DEFAULT now(),
        source text NOT NULL DEFAULT 'sql', nearest_city text, status smallint, horizontal_accuracy float8,
        confidence smallint, location geo_point NOT NULL, timestamp timestamptz(3) NOT NULL,
        hashed_adv_key text COLLATE "C" NOT NULL, CHECK (isfinite(timestamp)));
      ALTER TABLE location_reports_default DROP CONSTRAINT location_reports_default_timestamp_check`);
    const checks = await db.query<{ name: string; definition: string }>(
      `SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
       WHERE conrelid = 'location_reports'::regclass AND contype = 'c'`,
    );
    for (const { name, definition } of checks) {
      await db.query(`ALTER TABLE location_reports_default ADD CONSTRAINT ${name} ${definition}`);
    }
    await db.query('ALTER TABLE location_reports ATTACH PARTITION location_reports_default DEFAULT');
    await db.query(sqlFile('definitions/postgresql/report_triggers'));
  });
  afterEach(() => db.drop());

  it('accepts late reports, through the table and directly', async () => {
    const reports = [-20, -21, -22].map((days): TestReport => ({
      key: 'a',
      at: at(today, days, '10:00:00'),
      ...EVERY_FIELD,
    }));
    await insertReports(db, reports.slice(0, 1));
    for (const report of reports.slice(1)) {
      await db.query(`INSERT INTO location_reports_default ${VALUES_IN_REVERSE}`, [report.at]);
    }
    expect(await db.value('SELECT count(*) FROM location_reports')).toBe(0);
    await expectHistoryOf(db, reports);
  });

  it('hands its rows over to newly created partitions', async () => {
    const reports = ['10:00:00', '11:00:00', '11:30:00'].map((time): TestReport => ({
      key: 'a',
      at: at(today, -1, time),
      ...EVERY_FIELD,
    }));
    const [day = ''] = dayNames(today, 1, 1);
    await db.query(`DROP TABLE location_reports_${day.replaceAll('-', '')}`);
    await insertReports(db, reports.slice(0, 2));
    await db.query(`INSERT INTO location_reports_default ${VALUES_IN_REVERSE}`, [reports[2]?.at]);
    expect(await db.value('SELECT count(*) FROM location_reports_default')).toBe(3);
    await expectHistoryOf(db, reports);
    expect(await db.value('SELECT make_report_partitions()')).toBe(1);
    expect(await db.value('SELECT count(*) FROM location_reports_default')).toBe(0);
    // Recomputes history from the moved rows.
    await db.query('UPDATE location_reports SET received_at = received_at');
    await expectHistoryOf(db, reports);
    expect(await db.value('SELECT count(*) FROM geocoding_queue')).toBe(0);
  });
});
