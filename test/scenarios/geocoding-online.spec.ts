import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { describeOnEveryEngine } from '../support/engines.js';
import { BEHAVIOURS, FakeNominatim, type Geocoding, geocoding } from '../support/geocoding.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday, readHistory } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

Logger.overrideLogger(false);

/** Three cells of Oslo, and the nearest city of each in the offline data. */
const PLACES = [59.91, 59.92, 59.93].map((latitude) => ({ latitude, longitude: 10.75 }));

describeOnEveryEngine('geocoding with an online provider', (engine) => {
  let db: TestDatabase;
  let server: FakeNominatim;
  let stop: AbortController;
  let today: Date;
  let key: string;
  let count = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    server = await FakeNominatim.start();
    today = await historyToday(db);
  });
  afterAll(async () => {
    await server.stop();
    await db.drop();
  });
  beforeEach(async () => {
    await db.query('DELETE FROM trackers');
    await db.query('DELETE FROM geocoding_cells');
    await db.query('DELETE FROM geocoding_queue');
    await db.query('DELETE FROM geocoding_providers');
    key = `key ${++count}`;
    await db.register(key);
    server.requests.length = 0;
    server.behave = BEHAVIOURS.city;
    stop = new AbortController();
  });
  afterEach(() => stop.abort());

  const instance = (env: Record<string, string> = {}): Geocoding =>
    geocoding(db, {
      GEOCODING_PROVIDER: 'nominatim',
      NOMINATIM_URL: server.url,
      NOMINATIM_USER_AGENT: 'tests',
      NOMINATIM_TIMEOUT_MS: '200',
      ...env,
    });
  const reports = (): TestReport[] =>
    PLACES.map((place, i) => ({ key, at: at(today, -1, `1${i}:00:00`), ...place }));
  const shown = async (): Promise<unknown[]> => (await readHistory(db)).map(({ city }) => city);
  const raw = async (): Promise<unknown[]> =>
    (
      await db.query<{ nearest_city: string | null }>(
        'SELECT nearest_city FROM location_reports WHERE hashed_adv_key = $1 ORDER BY timestamp',
        [key],
      )
    ).map((row) => row.nearest_city);
  /** Makes cells that wait for a better answer due at once. */
  const dueNow = (): Promise<unknown> => db.query(`UPDATE geocoding_queue SET not_before = '-infinity'`);

  it('shows offline answers at once, and online ones when they arrive; all processes together send one request a second', async () => {
    await insertReports(db, reports());
    const instances = [instance(), instance()];
    await instances[0]?.drain();
    expect(await shown()).toEqual(['Oslo', 'Oslo', 'Oslo']);
    // A raw report gets its city once: the final one.
    expect(await raw()).toEqual([null, null, null]);

    const asking = instances.map(async ({ online }) => {
      while (!stop.signal.aborted && server.requests.length < 3) await online.askAll(stop.signal);
    });
    await Promise.all(asking);
    await eventually(async () => {
      await dueNow();
      await instances[1]?.drain();
      const online = PLACES.map(({ latitude, longitude }) => `Online ${latitude} ${longitude}`);
      expect(await raw()).toEqual(online);
      expect(await shown()).toEqual(online);
    });
    expect(await db.value('SELECT count(*) FROM geocoding_queue')).toBe(0);

    expect(new Set(server.requests.map(({ latitude }) => latitude)).size).toBe(3);
    expect(server.requests).toHaveLength(3);
    const gaps = server.requests.slice(1).map(({ at: time }, i) => time - (server.requests[i]?.at ?? NaN));
    for (const gap of gaps) expect(gap).toBeGreaterThan(1000);
    expect(server.requests.map(({ userAgent }) => userAgent)).toEqual(['tests', 'tests', 'tests']);
  });

  it.each<[string, keyof typeof BEHAVIOURS]>([
    ['is slow', 'hangs'],
    ['answers 429', 'tooMany'],
    ['answers HTML', 'html'],
    ["answers with another place's JSON", 'elsewhere'],
    ['is broken', 'broken'],
  ])('keeps the offline answers when the provider %s', async (_, behaviour) => {
    server.behave = BEHAVIOURS[behaviour];
    const given = reports().slice(0, 1);
    await insertReports(db, given);
    const { drain, online } = instance();
    await drain();
    expect(await shown()).toEqual(['Oslo']);
    await online.askAll(AbortSignal.timeout(500));
    expect(server.requests).toHaveLength(1);
    await dueNow();
    expect(await drain()).toBe(1);
    await expectHistoryOf(db, [{ ...(given[0] as TestReport), city: 'Oslo' }]);
    expect(await db.query('SELECT name, last_error IS NOT NULL AS failed FROM geocoding_providers')).toEqual([
      { name: 'nominatim', failed: true },
    ]);
  });

  it('does not wait for better answers while the provider is down, paused or has used up its requests of the day', async () => {
    const { drain, online } = instance({ NOMINATIM_URL: 'http://127.0.0.1:9' });
    const expectFilledAtOnce = async (i: number): Promise<void> => {
      await insertReports(
        db,
        [{ key, at: at(today, -1, '10:00:00'), ...(PLACES[i] as (typeof PLACES)[0]) }].map((r) => ({
          ...r,
          at: at(today, -1, `1${i}:30:00`),
        })),
      );
      expect(await drain()).toBe(1);
    };
    await insertReports(db, reports().slice(0, 1));
    await drain();
    // After three failures the circuit breaker opens, and all instances pause.
    for (let i = 0; i < 3; i++) {
      await db.query(
        `UPDATE geocoding_cells SET provisional_until = now() + interval '1 minute', requested_at = NULL`,
      );
      await db.query(`UPDATE geocoding_providers SET next_request_at = '-infinity'`);
      await online.askAll(AbortSignal.timeout(50));
    }
    expect(
      await db.value(`SELECT paused_until > now() + interval '50 seconds' FROM geocoding_providers`),
    ).toBe(true);
    await dueNow();
    await drain();
    await expectFilledAtOnce(1);

    await db.query(
      `UPDATE geocoding_providers SET paused_until = '-infinity', requests = 10000, day = (now() AT TIME ZONE 'UTC')::date`,
    );
    await expectFilledAtOnce(2);
    expect(await shown()).toEqual(['Oslo', 'Oslo', 'Oslo']);
  });

  it('sends no more requests a day than allowed', async () => {
    await insertReports(db, reports());
    const { drain, online } = instance({ NOMINATIM_DAILY_BUDGET: '1' });
    await drain();
    await online.askAll(AbortSignal.timeout(1_500));
    await db.query(`UPDATE geocoding_providers SET next_request_at = '-infinity'`);
    await online.askAll(AbortSignal.timeout(50));
    expect(server.requests).toHaveLength(1);
    await db.query(`UPDATE geocoding_providers SET day = day - 1`);
    await online.askAll(AbortSignal.timeout(50));
    expect(server.requests).toHaveLength(2);
  });

  it('requests a cell again that another provider answered, once a report comes from it', async () => {
    const [first, second] = [0, 30].map((minute) => ({
      key,
      at: at(today, -1, `10:${String(minute).padStart(2, '0')}:00`),
      ...(PLACES[0] as (typeof PLACES)[0]),
    })) as [TestReport, TestReport];
    await insertReports(db, [first]);
    await geocoding(db).drain();
    expect(await shown()).toEqual(['Oslo']);
    await insertReports(db, [second]);
    const { drain, online } = instance();
    await drain();
    await online.askAll(AbortSignal.timeout(100));
    expect(server.requests).toHaveLength(1);
    await dueNow();
    expect(await drain()).toBe(1);
    await expectHistoryOf(db, [
      { ...first, city: 'Oslo' },
      { ...second, city: 'Online 59.91 10.75' },
    ]);
  });
});
