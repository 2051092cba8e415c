import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { type Geocoding, geocoding } from '../support/geocoding.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import {
  expectHistoryOf,
  historyToday,
  keepRaw,
  LONG_RAW_RETENTION,
  maintain,
  readHistory,
} from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

const PARIS = { latitude: 48.8566, longitude: 2.3522 };
const OSLO = { latitude: 59.9139, longitude: 10.7522 };
const ATLANTIC = { latitude: 30, longitude: -40 };

describeOnEveryEngine('geocoding of reports', (engine) => {
  let db: TestDatabase;
  let geocoder: Geocoding;
  let today: Date;
  let key: string;
  let count = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
    geocoder = geocoding(db);
    today = await historyToday(db);
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    await db.query('DELETE FROM trackers');
    key = `key ${++count}`;
    await db.register(key);
  });

  const report = (
    days: number,
    time: string,
    place: { latitude: number; longitude: number },
    city?: string,
  ) => ({
    key,
    at: at(today, days, time),
    ...place,
    ...(city !== undefined && { city }),
  });

  it('sets the city of every report, and of its hour and day', async () => {
    const reports = [
      report(-1, '10:10:00', PARIS),
      report(-1, '10:50:00', OSLO),
      report(-1, '12:00:00', PARIS, 'Depot 7'),
      report(-3, '12:00:00', OSLO),
    ];
    await insertReports(db, reports);
    expect(await geocoder.drain()).toBe(3);
    const cities = ['Paris', 'Oslo', 'Depot 7', 'Oslo'];
    await expectHistoryOf(
      db,
      reports.map((r, i) => ({ ...r, city: cities[i] as string })),
    );
    const raw = await db.query<{ nearest_city: string }>(
      'SELECT nearest_city FROM location_reports WHERE hashed_adv_key = $1 ORDER BY timestamp',
      [key],
    );
    expect(raw.map((row) => row.nearest_city)).toEqual(['Oslo', 'Paris', 'Oslo', 'Depot 7']);
  });

  it('finds nothing to do the second time, and changes nothing', async () => {
    await insertReports(db, [report(-1, '10:10:00', PARIS), report(-1, '11:10:00', ATLANTIC)]);
    expect(await geocoder.drain()).toBe(1);
    const state = 'SELECT changes FROM refresh_state';
    const before = await db.value(state);
    expect(await db.value('SELECT count(*) FROM geocoding_queue')).toBe(0);
    expect(await geocoder.drain()).toBe(0);
    expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0);
    expect(await db.value(state)).toBe(before);
  });

  it('keeps the city when raw reports are gone', async () => {
    const old = report(-8, '12:00:00', PARIS);
    await ingestReports(db, [old, report(-1, '12:00:00', OSLO)]);
    await geocoder.drain();
    await keepRaw(db, 2);
    try {
      expect((await maintain(db)).daysClosed.length).toBeGreaterThan(5);
    } finally {
      await db.query('UPDATE history_state SET raw_retention_hours = 216');
    }
    expect(
      await db.value('SELECT count(*) FROM location_reports WHERE timestamp < $1', [
        at(today, -7, '00:00:00'),
      ]),
    ).toBe(0);
    await db.query('DELETE FROM geocoding_cells'); // the row itself has the city, so the cell is not needed
    expect(
      await db.value(
        'SELECT nearest_city FROM location_history_daily WHERE hashed_adv_key = $1 AND bucket = $2',
        [key, at(today, -8, '00:00:00')],
      ),
    ).toBe('Paris');
    await expectHistoryOf(db, [
      { ...old, city: 'Paris' },
      { ...report(-1, '12:00:00', OSLO), city: 'Oslo' },
    ]);
  });

  describe('of days whose raw reports are gone', () => {
    it('gives late reports the city of their day', async () => {
      const late = [report(-40, '10:00:00', PARIS), report(-41, '10:00:00', ATLANTIC)];
      await ingestReports(db, late);
      expect(await geocoder.drain()).toBe(1);
      await expectHistoryOf(db, [{ ...(late[0] as TestReport), city: 'Paris' }, late[1] as TestReport]);
      expect(
        await db.query(
          'SELECT nearest_city, nearest_city_at = last_report_at AS own FROM location_history_days WHERE hashed_adv_key = $1 ORDER BY bucket',
          [key],
        ),
      ).toEqual([
        { nearest_city: null, own: null },
        { nearest_city: 'Paris', own: true },
      ]);
    });

    it("does not replace a newer report's city by a late one of an older report", async () => {
      const newer = report(-40, '12:00:00', PARIS);
      await ingestReports(db, [newer]);
      await geocoder.drain();
      const older = report(-40, '09:00:00', OSLO);
      await ingestReports(db, [older]);
      expect(await geocoder.drain()).toBe(0);
      await expectHistoryOf(db, [older, { ...newer, city: 'Paris' }]);
    });

    it("shows the older report's city until the newer one's is known", async () => {
      const older = report(-40, '09:00:00', OSLO, 'Oslo');
      const newer = report(-40, '12:00:00', { latitude: 41.9028, longitude: 12.4964 });
      await ingestReports(db, [older, newer]);
      await expectHistoryOf(db, [older, newer]);
      expect((await readHistory(db))[0]?.city).toBe('Oslo');
      expect(await geocoder.drain()).toBe(1);
      expect((await readHistory(db))[0]?.city).toBe('Rome');
    });
  });

  it("neither clears the older report's city for a newer one without city, nor replaces a newer one's by an older one's", async () => {
    const [nine, ten, eleven] = [
      report(-1, '10:10:00', OSLO),
      report(-1, '10:20:00', PARIS),
      report(-1, '10:30:00', { latitude: 41.9028, longitude: 12.4964 }),
    ] as const;
    await insertReports(db, [ten]);
    await geocoder.drain();
    await insertReports(db, [eleven]);
    await db.query('DELETE FROM geocoding_cells');
    await expectHistoryOf(db, [{ ...ten, city: 'Paris' }, eleven]);
    await geocoder.drain();
    await insertReports(db, [nine]);
    expect(await geocoder.drain()).toBe(1);
    await expectHistoryOf(db, [
      { ...nine, city: 'Oslo' },
      { ...ten, city: 'Paris' },
      { ...eleven, city: 'Rome' },
    ]);
  });

  it('looks a cell up once, and again when its answer has expired or the providers have changed', async () => {
    const asked = (): Promise<number> => db.value('SELECT cells_asked FROM geocoding_state');
    const insert = (time: string): Promise<void> => insertReports(db, [report(-1, time, ATLANTIC)]);
    await db.query('DELETE FROM geocoding_cells');
    const before = await asked();
    await insert('10:00:00');
    await insert('10:01:00');
    await geocoder.drain();
    await insert('10:02:00');
    await geocoder.drain();
    expect(await asked()).toBe(before + 1);
    await db.query("UPDATE geocoding_cells SET expires_at = now() - interval '1 second'");
    await insert('10:03:00');
    await geocoder.drain();
    expect(await asked()).toBe(before + 2);

    await insert('10:04:00');
    await geocoding(db, { GEOCODING_MAX_DISTANCE_KM: '5000' }).drain();
    expect(await asked()).toBe(before + 3);
    expect((await readHistory(db))[0]?.city).toBe('Lajes das Flores');
  });

  it('finds rows that are not in the queue, newest first, and once', async () => {
    await db.query('DELETE FROM geocoding_cells');
    const reports = [
      report(-1, '10:00:00', PARIS),
      report(-5, '10:00:00', OSLO),
      report(-30, '10:00:00', PARIS),
      report(-300, '10:00:00', OSLO),
      report(-301, '10:00:00', ATLANTIC),
    ];
    await ingestReports(db, reports);
    await db.settle();
    await db.query('DELETE FROM geocoding_queue');
    await db.query('UPDATE geocoding_state SET searched_from = NULL');
    const run = () => geocoder.service.fillMissing(new AbortController().signal);
    const goOnFrom = (day: Date): Promise<unknown> =>
      db.query('UPDATE geocoding_state SET searched_from = $1', [day]);
    expect(await run()).toEqual({ rows: 2, days: 30 });
    expect(await run()).toEqual({ rows: 1, days: 30 });
    await goOnFrom(at(today, -295, '00:00:00'));
    expect(await run()).toEqual({ rows: 1, days: 30 });
    await goOnFrom(at(today, -360, '00:00:00'));
    const last = await run();
    expect(last.days).toBeGreaterThan(0);
    expect(last.days).toBeLessThan(10);
    expect(await db.value('SELECT searched_from FROM geocoding_state')).toBeNull();

    await db.settle();
    const cities = ['Paris', 'Oslo', 'Paris', 'Oslo'];
    await expectHistoryOf(
      db,
      reports.map((r, i) => (i < 4 ? { ...r, city: cities[i] as string } : r)),
    );
    expect(await run()).toEqual({ rows: 0, days: 30 });
    await goOnFrom(at(today, -295, '00:00:00'));
    expect(await run()).toEqual({ rows: 0, days: 30 });
    expect(await db.value('SELECT count(*) FROM geocoding_queue')).toBe(0);
  });

  it('processes the reports of one tracker in bounded batches as well', async () => {
    const midnight = at(today, -1, '00:00:00').getTime();
    await db.query(
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
       SELECT $1, $2::timestamptz + n * interval '3 seconds', make_geo_point(2.3522 + n % 10 * 0.0001, 48.8566)
       FROM generate_series(0, 24999) AS n`,
      [key, new Date(midnight).toISOString()],
    );
    const batches: number[] = [];
    for (
      let batch = await geocoder.service.geocodeBatch();
      batch;
      batch = await geocoder.service.geocodeBatch()
    ) {
      batches.push(batch.filled);
    }
    // A slow machine makes batches smaller: see BatchSize.
    expect(Math.max(...batches)).toBeLessThanOrEqual(10_000);
    expect(batches.reduce((sum, filled) => sum + filled, 0)).toBe(25_000);
    await db.settle();
    expect(
      await db.value(
        'SELECT count(*) FROM location_reports WHERE nearest_city IS NULL AND hashed_adv_key = $1',
        [key],
      ),
    ).toBe(0);
  });

  it('shares the work between processes, each report and cell once', async () => {
    await db.query('DELETE FROM geocoding_cells');
    const asked = (): Promise<number> => db.value('SELECT cells_asked FROM geocoding_state');
    const before = await asked();
    const reports = Array.from({ length: 60 }, (_, i) => ({
      ...report(-1, `10:00:${String(i).padStart(2, '0')}`, {
        latitude: 48.1 + (i % 6) / 100,
        longitude: 11.5,
      }),
    }));
    for (const one of reports) await insertReports(db, [one]);
    const others = [1, 2, 3].map(() => geocoding(db));
    const filled = await Promise.all([geocoder, ...others].map(({ drain }) => drain()));
    expect(filled.reduce((sum, n) => sum + n, 0)).toBe(60);
    expect((await asked()) - before).toBe(6);
    expect((await readHistory(db)).map(({ city }) => city)).toEqual([expect.any(String)]);
  });
});
