import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sqlFile } from '../../src/database/sql-files.js';
import type { ShownLocation } from '../../src/geocoding/geocoding-queue.repository.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { geocoding } from '../support/geocoding.js';
import { at, type TestReport } from '../support/history-oracle.js';
import {
  expectHistoryOf,
  historyToday,
  keepRaw,
  LONG_RAW_RETENTION,
  maintain,
  rowsIn,
  readHistory,
} from '../support/history.js';
import { ingestReports, insertReports, type MakeReport, OSLO, PARIS, reportsOf } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

const KEY = 'phone';

describeOnEveryEngine('rows with imprecise reports', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let precise: MakeReport;
  let imprecise: MakeReport;
  let id = '';

  beforeEach(async () => {
    db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
    today = await historyToday(db);
    ({ precise, imprecise } = reportsOf(KEY, today));
    await db.query('DELETE FROM trackers');
    id = await db.register(KEY);
  });
  afterEach(() => db.drop());

  it('stay as they are when their day is closed, and merge late reports by the same rule', async () => {
    const reports = [
      ...[precise(-5, '10:00:00'), imprecise(-5, '11:00:00')],
      ...[imprecise(-6, '10:00:00'), imprecise(-6, '11:00:00', { latitude: 3 })],
      precise(-7, '10:00:00'),
    ];
    await insertReports(db, reports);
    await expectHistoryOf(db, reports);
    await keepRaw(db, 2);
    await maintain(db);
    expect(await db.value('SELECT count(*) FROM location_reports')).toBe(0);
    await expectHistoryOf(db, reports);
    const late = [
      imprecise(-5, '12:00:00', { latitude: 4 }),
      precise(-6, '09:00:00', { latitude: 5, city: 'Rome' }),
      imprecise(-6, '12:00:00', { latitude: 6, city: 'Lyon' }),
      imprecise(-7, '12:00:00', { latitude: 7, city: 'Lyon' }),
    ];
    for (const [i, report] of late.entries()) {
      await (i % 2 === 0 ? insertReports : ingestReports)(db, [report]);
      await expectHistoryOf(db, [...reports, ...late.slice(0, i + 1)]);
    }
    expect((await readHistory(db)).map(({ latitude, city }) => [latitude, city])).toEqual([
      [PARIS.latitude, null],
      [5, 'Rome'],
      [PARIS.latitude, null],
    ]);
  });

  it('are recomputed by the same rule, after deletions and refreshes', async () => {
    const reports = [
      precise(-1, '10:00:00', { city: 'Oslo' }),
      precise(-1, '10:10:00'),
      imprecise(-1, '10:20:00', { city: 'Rome' }),
      precise(-2, '10:00:00'),
      imprecise(-2, '11:00:00', { city: 'Rome' }),
    ];
    await insertReports(db, reports);
    await expectHistoryOf(db, reports);
    const remove = (moment: Date): Promise<unknown> =>
      db.query('DELETE FROM location_reports WHERE hashed_adv_key = $1 AND timestamp = $2', [KEY, moment]);
    await remove(at(today, -1, '10:00:00'));
    await expectHistoryOf(db, reports.slice(1));
    await remove(at(today, -1, '10:10:00'));
    await remove(at(today, -2, '10:00:00'));
    const left = reports.filter(({ accuracy }) => accuracy === 5000);
    await expectHistoryOf(db, left);
    for (const relation of ['hourly', 'daily']) {
      await db.query(
        `CALL refresh_continuous_aggregate('location_history_${relation}', now() - interval '8 days', now())`,
      );
    }
    await expectHistoryOf(db, left);
    await insertReports(db, [precise(-1, '10:05:00')]);
    await expectHistoryOf(db, [...left, precise(-1, '10:05:00')]);
  });

  it('do not show the city of an imprecise report for a precise one, in any layer', async () => {
    const reports = [
      precise(-1, '10:00:00'),
      imprecise(-1, '10:10:00', { city: 'Rome' }),
      imprecise(-1, '11:10:00', { city: 'Rome' }),
      precise(-15, '10:00:00'),
      imprecise(-15, '10:10:00', { city: 'Rome' }),
    ];
    await insertReports(db, reports);
    await expectHistoryOf(db, reports);
    const cities = async (relation: string): Promise<unknown[]> =>
      (await rowsIn(db, relation, KEY)).map((row) => row['nearest_city']);
    expect(await cities('history_in_hours')).toEqual([null, null, 'Rome']);
    expect(await cities('history_in_days')).toEqual([null, null]);
    const zoneDays = await db.query(
      `SELECT nearest_city, imprecise, located_at, last_report_at
       FROM history_in_zone_days($1, $2, $3, 'Asia/Kathmandu')`,
      [KEY, at(today, -2, '00:00:00'), today],
    );
    expect(zoneDays).toEqual([
      {
        ...{ nearest_city: null, imprecise: false },
        ...{ located_at: at(today, -1, '10:00:00'), last_report_at: at(today, -1, '11:10:00') },
      },
    ]);
    const ids = [
      ['1 hour', at(today, -1, '10:00:00')],
      ['1 hour', at(today, -1, '11:00:00')],
      ['1 day', at(today, -1, '00:00:00')],
      ['1 day', at(today, -15, '00:00:00')],
      ['raw', at(today, -1, '10:10:00')],
    ] as const;
    const many = await db.query<{ nearest_city: string; imprecise: boolean }>(
      `SELECT nearest_city, imprecise FROM (${sqlFile('queries/location-history/find-many')}) AS found
       ORDER BY timestamp, bucket_size`,
      [ids.map(() => id), ids.map(([size]) => size), ids.map(([, start]) => start)],
    );
    expect(many.map((row) => [row.nearest_city, row.imprecise])).toEqual([
      [null, false],
      [null, false],
      [null, false],
      ['Rome', true],
      ['Rome', true],
    ]);
  });

  describe('and geocoding', () => {
    const withCities = (reports: readonly TestReport[], ...cities: (string | null)[]): TestReport[] =>
      reports.map((report, i) => (cities[i] ? { ...report, city: cities[i] } : report));

    it('have the city of the report that they show', async () => {
      const reports = [
        precise(-1, '10:00:00'),
        imprecise(-1, '10:10:00', OSLO),
        imprecise(-1, '11:10:00', OSLO),
        precise(-15, '10:00:00'),
        imprecise(-15, '10:10:00', OSLO),
      ];
      await insertReports(db, reports);
      // For a closed day only the report that it shows is known.
      expect(await geocoding(db).drain()).toBe(4);
      await expectHistoryOf(db, withCities(reports, 'Paris', 'Oslo', 'Oslo', 'Paris', null));
    });

    it('have no city where only an imprecise report beside it has one', async () => {
      const reports = [
        precise(-1, '10:00:00', { latitude: 30, longitude: -40 }),
        imprecise(-1, '10:10:00', OSLO),
      ];
      await insertReports(db, reports);
      expect(await geocoding(db).drain()).toBe(1);
      await expectHistoryOf(db, withCities(reports, null, 'Oslo'));
    });

    it('have the city of their position when it is requested, and other reports keep theirs', async () => {
      const reports = [
        ...[precise(-1, '10:00:00', { city: 'Depot' }), imprecise(-1, '10:10:00', { ...OSLO, city: 'Oslo' })],
        ...[precise(-15, '10:00:00', { city: 'Depot' }), imprecise(-15, '10:10:00', OSLO)],
      ];
      await insertReports(db, reports);
      await db.settle();
      const rows = await db.query<ShownLocation>(
        `SELECT $1 AS "trackerId", ST_Y(location) AS latitude, ST_X(location) AS longitude,
           nearest_city AS "nearestCity", located_at AS "locatedAt", first_report_at AS "firstReportAt",
           last_report_at AS "lastReportAt", report_count AS "reportCount"
         FROM history_in_hours WHERE hashed_adv_key = $2`,
        [id, KEY],
      );
      expect(await geocoding(db).service.geocodeLocations(rows)).toBe(2);
      await expectHistoryOf(db, withCities(reports, 'Paris', 'Oslo', 'Paris'));
    });

    it('of a closed day accept a city by hand only for the report that they show', async () => {
      const reports = [precise(-15, '10:00:00'), imprecise(-15, '11:00:00')];
      await insertReports(db, reports);
      const update = (time: string, city: string): Promise<unknown> =>
        db.query('SELECT update_nearest_city($1, $2, $2, $3)', [KEY, at(today, -15, time), city]);
      await update('11:00:00', 'Rome');
      await expectHistoryOf(db, reports);
      await update('10:00:00', 'Lyon');
      await expectHistoryOf(db, withCities(reports, 'Lyon'));
      await update('10:00:00', 'Bonn');
      await expectHistoryOf(db, withCities(reports, 'Bonn'));
    });

    it('get a city by hand from the raw reports that count for them', async () => {
      const reports = [precise(-1, '10:00:00'), imprecise(-1, '10:10:00'), imprecise(-1, '11:10:00')];
      await insertReports(db, reports);
      await db.settle();
      const changed = await db.query<{ rows_changed: number }>(
        'SELECT layer, rows_changed FROM update_nearest_city($1, $2, $3, $4) ORDER BY layer DESC',
        [KEY, at(today, -1, '10:05:00'), at(today, -1, '12:00:00'), 'Rome'],
      );
      expect(changed.map((row) => row.rows_changed)).toEqual([2, 1, 0]);
      await expectHistoryOf(db, withCities(reports, null, 'Rome', 'Rome'));
    });
  });
});
