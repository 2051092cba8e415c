import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sqlFile } from '../../src/database/sql-files.js';
import { withClient } from '../support/servers/database-servers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday, rowsIn, readHistory } from '../support/history.js';
import {
  CELL_TOWER,
  copyReports,
  ingestReports,
  insertReports,
  type MakeReport,
  PARIS,
  reportsOf,
} from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

/** Every way to store a report. */
const WAYS: Record<string, (db: TestDatabase, reports: readonly TestReport[]) => Promise<unknown>> = {
  'an import': ingestReports,
  INSERT: (db, reports) => insertReports(db, reports),
  COPY: (db, reports) => withClient(db.url, (client) => copyReports(client, reports)),
};

describeOnEveryEngine('imprecise reports', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let precise: MakeReport;
  let imprecise: MakeReport;
  let key = '';
  let id = '';
  let count = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    today = await historyToday(db);
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    await db.query('DELETE FROM trackers');
    await db.query('UPDATE history_state SET max_accuracy_meters = 1000');
    key = `key ${++count}`;
    id = await db.register(key);
    ({ precise, imprecise } = reportsOf(key, today));
  });

  describe.each(Object.entries(WAYS))('are marked when stored by %s', (_way, store) => {
    it.each(['after', 'before'])(
      'do not change what is shown when they come %s a precise one',
      async (order) => {
        const reports = [precise(-1, '10:00:00'), imprecise(-1, '10:00:01')];
        for (const report of order === 'after' ? reports : [...reports].reverse()) await store(db, [report]);
        await expectHistoryOf(db, reports);
        const shown = { ...PARIS, horizontal_accuracy: 8, confidence: 3, imprecise: false };
        const details = { altitude: null, speed: null, course: null, battery: null, motion: null };
        const times = { located_at: at(today, -1, '10:00:00'), last_report_at: at(today, -1, '10:00:01') };
        for (const relation of ['history_in_hours', 'history_in_days']) {
          expect(await rowsIn(db, relation, key)).toEqual([
            { ...shown, ...details, ...times, report_count: 2, nearest_city: null },
          ]);
        }
        const [latest] = await db.query(sqlFile('queries/location-history/find-latest'), [[id]]);
        expect(latest).toMatchObject({ horizontal_accuracy: 8, imprecise: false, ...times });
        const near = (of: typeof PARIS): Promise<unknown[]> =>
          db.query(sqlFile('queries/trackers/find-near'), [of.latitude, of.longitude, 1000, 10]);
        expect(await near(PARIS)).toMatchObject([{ id: Number(id), distance_meters: 0 }]);
        expect(await near(CELL_TOWER)).toEqual([]);
        // The resolution RAW shows both, and marks the imprecise one.
        expect(await rowsIn(db, 'raw_history', key)).toMatchObject([
          { ...PARIS, imprecise: false, ...details },
          {
            ...{ ...CELL_TOWER, imprecise: true, located_at: at(today, -1, '10:00:01') },
            ...{ altitude: 35, speed: 1.5, course: 359.5, battery: 40, motion: 'walking' },
          },
        ]);
      },
    );

    it('are shown where no report of the hour or day is precise, the newest of them', async () => {
      const reports = [
        imprecise(-1, '09:10:00'),
        imprecise(-1, '09:50:00', { latitude: 3, accuracy: 1000.5, speed: 0 }),
        imprecise(-1, '09:20:00', { latitude: 4 }),
        precise(-1, '08:00:00'),
        imprecise(-3, '09:10:00', { latitude: 5 }),
        imprecise(-3, '09:00:00', { latitude: 6 }),
      ];
      await store(db, reports);
      await expectHistoryOf(db, reports);
      const rows = await readHistory(db);
      expect(rows.map(({ latitude, imprecise: is }) => [latitude, is])).toEqual([
        [5, true],
        [PARIS.latitude, false],
        [3, true],
      ]);
      // The day of those hours has a precise report.
      expect(await rowsIn(db, 'history_in_days', key)).toMatchObject([
        { latitude: 5, imprecise: true },
        { ...PARIS, imprecise: false, report_count: 4 },
      ]);
    });

    it('are merged by the same rule when they are late, in any order', async () => {
      const reports = [
        imprecise(-20, '10:00:00'), // alone
        imprecise(-21, '10:00:00'), // a newer and an older one arrive later
        imprecise(-21, '11:00:00', { latitude: 3 }),
        imprecise(-21, '09:00:00', { latitude: 4 }),
        imprecise(-22, '10:00:00'), // an older precise one arrives later
        precise(-22, '09:00:00'),
        precise(-23, '09:00:00'), // a newer imprecise one arrives later, then a newer precise one
        imprecise(-23, '10:00:00'),
        precise(-23, '09:30:00', { latitude: 5 }),
        imprecise(-23, '23:00:00'),
      ];
      for (const report of reports) await store(db, [report]);
      await expectHistoryOf(db, reports);
      const atOnce = reports.map((report) => ({ ...report, at: new Date(+report.at - 40 * 86_400_000) }));
      await store(db, atOnce);
      await expectHistoryOf(db, [...reports, ...atOnce]);
      const shown = (await readHistory(db)).map(({ latitude }) => latitude);
      expect(shown).toEqual([5, 48.8566, 3, 48.9016, 5, 48.8566, 3, 48.9016]);
    });

    it.each([
      ['none is, by 0', 0, [false, false, false, false]],
      ['those above it are', 50, [false, false, true, true]],
      ['those above a fraction are', 0.5, [false, true, true, true]],
    ])('follow another threshold: %s', async (_name, threshold, expected) => {
      await db.query('UPDATE history_state SET max_accuracy_meters = $1', [threshold]);
      const given = [undefined, 50, 50.1, 20_037_508].flatMap((accuracy, i) =>
        [-1, -15].map((days): TestReport => ({
          ...{ key, at: at(today, days, `10:00:0${i}`), latitude: i + 1, longitude: 1 },
          ...{ imprecise: expected[i] ?? false, ...(accuracy !== undefined && { accuracy }) },
        })),
      );
      await store(db, given);
      await expectHistoryOf(db, given);
      const raw = await rowsIn(db, 'raw_history', key);
      expect(raw.map(({ imprecise: is }) => is)).toEqual(expected);
    });
  });

  it('keep their mark when the threshold changes, and when a report is changed', async () => {
    const reports = [precise(-1, '10:00:00'), imprecise(-1, '10:10:00', { imprecise: true })];
    await insertReports(db, reports);
    await db.query('UPDATE history_state SET max_accuracy_meters = 5');
    await db.query(
      'UPDATE location_reports SET confidence = 7, horizontal_accuracy = 2 WHERE hashed_adv_key = $1',
      [key],
    );
    await expectHistoryOf(
      db,
      reports.map((report) => ({ ...report, confidence: 7, accuracy: 2 })),
    );
  });

  it('may be inserted as such, whatever their accuracy', async () => {
    const report = precise(-1, '10:10:00', { imprecise: true, latitude: 3 });
    await insertReports(db, [precise(-1, '10:00:00')]);
    await db.query(
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, imprecise)
       VALUES ($1, $2, make_geo_point($3, 3), 3, 8, true)`,
      [key, report.at, report.longitude],
    );
    await expectHistoryOf(db, [precise(-1, '10:00:00'), report]);
  });
});
