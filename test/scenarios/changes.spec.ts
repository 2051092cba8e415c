import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday, readHistory } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('a change of raw reports', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let key: string;
  let count = 0;
  /** Three reports of yesterday (two in one hour), two of the day before, and one of another tracker. */
  let reports: TestReport[];

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    today = await historyToday(db);
    await db.query('DELETE FROM trackers');
    key = `changed-${++count}`;
    await db.register(key);
    await db.register(`${key}-other`);
    reports = [
      { key, at: at(today, -1, '10:10:00'), latitude: 1, longitude: 2, confidence: 3, city: 'Bonn' },
      { key, at: at(today, -1, '10:50:00'), latitude: 3, longitude: 4, confidence: 1, accuracy: 10 },
      { key, at: at(today, -1, '12:00:00'), latitude: 5, longitude: 6 },
      { key, at: at(today, -2, '08:00:00'), latitude: 7, longitude: 8, confidence: 200 },
      { key, at: at(today, -2, '23:59:59.999'), latitude: 9, longitude: 10, confidence: 0, city: 'Köln' },
      { key: `${key}-other`, at: at(today, -1, '10:10:00'), latitude: 11, longitude: 12, city: 'Ulm' },
    ];
    await insertReports(db, reports);
    await expectHistoryOf(db, reports);
  });

  /** The reports after the given change of those at these times; null deletes them. */
  const changed = (times: Date[], change: Partial<TestReport> | null): TestReport[] =>
    reports.flatMap((report) => {
      if (report.key !== key || !times.some((time) => time.getTime() === report.at.getTime())) return report;
      return change === null ? [] : { ...report, ...change };
    });

  it('moves a report at a full hour into its hour, however many hours the change spans', async () => {
    const hour = (h: number): Date => at(today, -1, `${String(h).padStart(2, '0')}:00:00`);
    for (const last of [9, 10, 19, 20, 21]) {
      await db.query('UPDATE location_reports SET confidence = $1 WHERE timestamp = $2', [last, hour(0)]);
      reports = changed([hour(0)], { confidence: last });
      const more = [...(last === 9 ? [0] : []), last].map((h) => ({
        ...{ key, at: hour(h), latitude: h, longitude: last },
      }));
      await insertReports(db, more);
      reports.push(...more);
      await expectHistoryOf(db, reports);
    }
  });

  it('updates hours and days with a new city, and with a removed one', async () => {
    const newest = [at(today, -1, '10:50:00'), at(today, -2, '08:00:00')];
    await db.query(
      `UPDATE location_reports SET nearest_city = 'Paris' WHERE hashed_adv_key = $1 AND timestamp = ANY ($2)`,
      [key, newest],
    );
    await expectHistoryOf(db, changed(newest, { city: 'Paris' }));
    await db.query('UPDATE location_reports SET nearest_city = NULL WHERE hashed_adv_key = $1', [key]);
    const rows = await readHistory(db);
    expect(rows.filter((row) => row.key === key).map(({ city }) => city)).toEqual([null, null, null]);
    expect(rows.find((row) => row.key !== key)?.city).toBe('Ulm');
  });

  it('updates hours and days with new confidences', async () => {
    const times = [at(today, -1, '10:10:00'), at(today, -2, '08:00:00'), at(today, -2, '23:59:59.999')];
    await db.query(
      'UPDATE location_reports SET confidence = 2 WHERE hashed_adv_key = $1 AND timestamp = ANY ($2)',
      [key, times],
    );
    await expectHistoryOf(db, changed(times, { confidence: 2 }));
  });

  it('removes deleted reports from hours and days, and a row with its last report', async () => {
    const times = [at(today, -1, '10:50:00'), at(today, -1, '12:00:00'), at(today, -2, '23:59:59.999')];
    for (const time of times) {
      await db.query('DELETE FROM location_reports WHERE hashed_adv_key = $1 AND timestamp = $2', [
        key,
        time,
      ]);
    }
    await expectHistoryOf(db, changed(times, null));
    await db.query('DELETE FROM location_reports WHERE hashed_adv_key = $1', [key]);
    await expectHistoryOf(db, reports.slice(5));
  });

  it('accepts a deleted report that arrives again', async () => {
    await db.query('DELETE FROM location_reports WHERE hashed_adv_key = $1', [key]);
    await insertReports(db, reports.slice(0, 5));
    await expectHistoryOf(db, reports);
  });

  it('leaves history as it is if no value changes', async () => {
    await db.query(`UPDATE location_reports SET nearest_city = 'X' WHERE hashed_adv_key = 'nobody'`);
    await db.query(`DELETE FROM location_reports WHERE hashed_adv_key = 'nobody'`);
    // A trigger on a hypertable does not see the deleted rows, so there every DELETE counts as a change.
    expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(engine === 'timescaledb' ? 1 : 0);
    await expectHistoryOf(db, reports);
  });

  describe('in one statement with new reports', () => {
    const added = (days: number, time: string): TestReport => ({
      key,
      at: at(today, days, time),
      latitude: 20,
      longitude: 30,
      confidence: 5,
    });

    it('counts each report once: INSERT ON CONFLICT DO UPDATE', async () => {
      const fresh = [added(-1, '10:20:00'), added(-1, '12:30:00'), added(-2, '09:00:00')];
      const again = reports.slice(0, 5).map((report) => ({ ...report, city: 'Rom' }));
      await db.query(
        `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence, nearest_city)
         SELECT key, at, ST_SetSRID(ST_MakePoint(longitude, latitude), 4326), confidence, city
         FROM jsonb_to_recordset($1) AS r (key text, at timestamptz, latitude float8, longitude float8,
           confidence int, city text) ORDER BY key, at
         ON CONFLICT (hashed_adv_key, timestamp) DO UPDATE SET nearest_city = excluded.nearest_city`,
        [JSON.stringify([...again, ...fresh])],
      );
      await expectHistoryOf(db, [...again, ...reports.slice(5), ...fresh]);
    });

    it('counts each report once: INSERT beside UPDATE and DELETE', async () => {
      const fresh = added(-1, '10:20:00');
      await db.query(
        `WITH dated AS (
           UPDATE location_reports SET nearest_city = 'Rom' WHERE hashed_adv_key = $1 AND timestamp = $2
         ), gone AS (
           DELETE FROM location_reports WHERE hashed_adv_key = $1 AND timestamp = $3
         )
         INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence)
         VALUES ($1, $4, ST_SetSRID(ST_MakePoint(30, 20), 4326), 5)`,
        [key, at(today, -1, '10:10:00'), at(today, -1, '10:50:00'), fresh.at],
      );
      await expectHistoryOf(db, [{ ...(reports[0] as TestReport), city: 'Rom' }, ...reports.slice(2), fresh]);
    });

    it('counts each report once: several statements in one transaction', async () => {
      const fresh = [added(-1, '10:20:00'), added(-3, '10:20:00'), added(-2, '10:20:00')];
      const client = await db.pool.connect();
      try {
        await client.query('BEGIN');
        for (const report of fresh) {
          await client.query(
            `UPDATE location_reports SET nearest_city = 'Rom' WHERE hashed_adv_key = $1 AND confidence IS NULL`,
            [key],
          );
          await client.query(
            `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence)
             VALUES ($1, $2, ST_SetSRID(ST_MakePoint(30, 20), 4326), 5)`,
            [key, report.at],
          );
        }
        await client.query('COMMIT');
      } finally {
        client.release();
      }
      await expectHistoryOf(db, [...changed([at(today, -1, '12:00:00')], { city: 'Rom' }), ...fresh]);
    });
  });
});
