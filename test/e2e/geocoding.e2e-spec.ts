import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Api } from '../support/application.js';
import { aggregated, type ApiRow, HISTORY_FIELDS } from '../support/history-answers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { BEHAVIOURS, FakeNominatim } from '../support/geocoding.js';
import { ingestReports } from '../support/reports.js';
import { historyToday } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const PARIS = { latitude: 48.8566, longitude: 2.3522 };
const OSLO = { latitude: 59.91, longitude: 10.75 };
const ATLANTIC = { latitude: 30, longitude: -40 };

interface Status {
  provider: string;
  pending: number;
  oldestPendingAt: string | null;
  cells: number;
  cellsWithoutCity: number;
  hits: number;
  misses: number;
  filled: number;
  online: Record<string, unknown> | null;
}
const STATUS = `{ geocodingStatus { provider pending oldestPendingAt cells cellsWithoutCity hits misses filled
  online { name requestsToday dailyBudget lastAnswerAt pausedUntil lastError lastErrorAt } } }`;
const PROCESS = `mutation ($ids: [ID!]!) { rows: processLocationHistoryGeocoding(locationIds: $ids) { ${HISTORY_FIELDS} country } }`;
const REQUEST = `mutation ($ids: [ID!]!) { request: requestGeocoding(locationIds: $ids) { accepted message } }`;

describeOnEveryEngine('geocoding over GraphQL', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let today: Date;
  let key: string;
  let trackerId: string;
  let count = 0;

  const status = async (): Promise<Status> =>
    (await api.data<{ geocodingStatus: Status }>(STATUS)).geocodingStatus;
  const report = (days: number, time: string, position: typeof PARIS, city?: string) => ({
    key,
    at: at(today, days, time),
    ...position,
    ...(city !== undefined && { city }),
  });
  const register = async (): Promise<void> => {
    key = `key ${++count}`;
    trackerId = await db.register(key);
  };

  describe('with the cities of GeoNames', () => {
    beforeAll(async () => {
      db = await TestDatabase.create(engine, { env: { GEOCODING_PROVIDER: 'offline' } });
      today = await historyToday(db);
      api = await Api.start(db);
    });
    afterAll(async () => {
      await api.stop();
      await db.drop();
    });
    beforeEach(register);

    it('finds city and country soon after reports are stored, and reports its progress', async () => {
      await ingestReports(db, [
        report(-1, '10:00:00', PARIS),
        report(-1, '11:00:00', PARIS),
        report(-9, '12:00:00', OSLO),
        report(-10, '12:00:00', ATLANTIC),
      ]);
      await eventually(async () => {
        const { rows } = await api.data<{ rows: unknown[] }>(
          `query ($id: ID!, $from: DateTime!, $to: DateTime!) {
             rows: locationHistoryByTimeRange(trackerId: $id, startTime: $from, endTime: $to) { nearestCity country }
           }`,
          { id: trackerId, from: at(today, -20, '00:00:00'), to: today },
        );
        expect(rows).toEqual([
          { nearestCity: null, country: null },
          { nearestCity: 'Oslo', country: 'NO' },
          { nearestCity: 'Paris', country: 'FR' },
          { nearestCity: 'Paris', country: 'FR' },
        ]);
      });
      await eventually(async () => {
        const now = await status();
        expect(now).toMatchObject({ provider: 'offline', pending: 0, oldestPendingAt: null, online: null });
        expect(now.cells).toBeGreaterThanOrEqual(3);
        expect(now.cellsWithoutCity).toBeGreaterThanOrEqual(1);
        expect(now.misses).toBeGreaterThanOrEqual(3);
        expect(now.hits).toBeGreaterThanOrEqual(1);
        expect(now.filled).toBeGreaterThanOrEqual(3);
      });
    });

    it('geocodes the requested locations, even if they have another city', async () => {
      await ingestReports(db, [
        report(-1, '10:00:00', PARIS, 'Lutetia'),
        report(-1, '11:00:00', ATLANTIC),
        report(-9, '12:00:00', OSLO, 'Christiania'),
      ]);
      await db.settle();
      const range = { from: at(today, -20, '00:00:00'), to: today };
      const hours = await aggregated(api, trackerId, range, '1 hour');
      const days = await aggregated(api, trackerId, range, '1 day');
      const ids = [...days, ...hours].map(({ id }) => id);
      const unknown = [`${trackerId}:1 day:0`, '999999:1 day:0'];
      const { rows } = await api.data<{ rows: (ApiRow & { country: string | null })[] }>(PROCESS, {
        ids: [...ids, ...unknown],
      });
      expect(rows.map(({ id, nearestCity, country }) => [id, nearestCity, country])).toEqual([
        [ids[0], 'Oslo', 'NO'],
        [ids[1], null, null], // yesterday, whose newest report is at sea
        [ids[2], 'Paris', 'FR'],
        [ids[3], null, null],
      ]);
      expect(
        await db.query(
          'SELECT nearest_city FROM location_reports WHERE hashed_adv_key = $1 ORDER BY timestamp',
          [key],
        ),
      ).toEqual([{ nearest_city: 'Paris' }, { nearest_city: null }]);
      expect(
        await db.value(
          'SELECT nearest_city FROM location_history_days WHERE hashed_adv_key = $1 AND bucket < history_horizon()',
          [key],
        ),
      ).toBe('Oslo');
    });

    it('queues locations to geocode them later', async () => {
      await ingestReports(db, [report(-1, '10:00:00', PARIS), report(-9, '12:00:00', OSLO)]);
      await db.settle();
      const range = { from: at(today, -20, '00:00:00'), to: today };
      const [day] = await aggregated(api, trackerId, range, '1 day');
      const [hour] = await aggregated(api, trackerId, range, '1 hour');
      // The state of a database from before the geocoding queue.
      await eventually(async () => expect((await status()).pending).toBe(0));
      await db.query('DELETE FROM geocoding_cells');
      await db.query('UPDATE location_reports SET nearest_city = NULL WHERE hashed_adv_key = $1', [key]);
      const { request } = await api.data<{ request: unknown }>(REQUEST, {
        ids: [day?.id, hour?.id, `${trackerId}:1 day:0`],
      });
      expect(request).toEqual({
        accepted: true,
        message: 'Queued 2 of 3 locations: their reports without a city will be geocoded',
      });
      await eventually(async () =>
        expect(
          await db.value('SELECT nearest_city FROM location_reports WHERE hashed_adv_key = $1', [key]),
        ).toBe('Paris'),
      );
      expect((await api.data<{ request: unknown }>(REQUEST, { ids: ['999999:1 day:0'] })).request).toEqual({
        accepted: false,
        message: 'Queued 0 of 1 locations: their reports without a city will be geocoded',
      });
    });

    it('accepts ids of raw reports, and geocodes each by its own position', async () => {
      const noon = at(today, -1, '12:00:00').getTime();
      await ingestReports(db, [
        { key, at: new Date(noon + 1), ...PARIS },
        { key, at: new Date(noon + 2), ...OSLO },
      ]);
      await eventually(async () => expect((await status()).pending).toBe(0));
      await db.query("UPDATE location_reports SET nearest_city = 'Atlantis' WHERE hashed_adv_key = $1", [
        key,
      ]);
      const ids = ['002', '001', '003'].map((ms) => `${trackerId}:raw:${noon / 1000}.${ms}`);
      const { rows } = await api.data<{ rows: { id: string; nearestCity: string }[] }>(PROCESS, { ids });
      expect(rows).toMatchObject([
        { id: ids[0], bucketSize: 'raw', nearestCity: 'Oslo' },
        { id: ids[1], bucketSize: 'raw', nearestCity: 'Paris' },
      ]);
      expect(await api.error(PROCESS, { ids: [`${trackerId}:1 day:0:Europe/Berlin`] })).toMatchObject({
        message: expect.stringContaining('days of a time zone'),
        extensions: { code: 'BAD_USER_INPUT', argument: 'locationIds' },
      });
    });

    it.each([PROCESS, REQUEST])('rejects invalid ids of locations: %s', async (mutation) => {
      for (const ids of [[`${trackerId}:1 day:0`, '7'], [''], [`${trackerId}:1 day:1`]]) {
        expect(await api.error(mutation, { ids })).toMatchObject({
          extensions: { code: 'BAD_USER_INPUT', argument: 'locationIds' },
        });
      }
      for (const ids of [[], Array.from({ length: 1001 }, () => '1:1 day:0')]) {
        expect(await api.error(mutation, { ids })).toMatchObject({
          message: expect.stringContaining('locationIds'),
          extensions: { code: 'BAD_USER_INPUT' },
        });
      }
    });
  });

  describe('when switched off', () => {
    beforeAll(async () => {
      db = await TestDatabase.create(engine);
      today = await historyToday(db);
      api = await Api.start(db);
    });
    afterAll(async () => {
      await api.stop();
      await db.drop();
    });
    beforeEach(register);

    it('reports that it is off', async () => {
      await ingestReports(db, [report(-1, '10:00:00', PARIS)]);
      const ids = [`${trackerId}:1 day:${at(today, -1, '00:00:00').getTime() / 1000}`];
      expect(await status()).toMatchObject({ provider: 'off', pending: 1, cells: 0, online: null });
      expect((await api.error(PROCESS, { ids })).extensions.code).toBe('UNAVAILABLE');
      expect((await api.data<{ request: unknown }>(REQUEST, { ids })).request).toEqual({
        accepted: false,
        message: 'Geocoding is off',
      });
    });
  });

  describe('with an online provider', () => {
    let server: FakeNominatim;
    beforeAll(async () => {
      server = await FakeNominatim.start();
      db = await TestDatabase.create(engine, {
        env: {
          GEOCODING_PROVIDER: 'nominatim',
          NOMINATIM_URL: server.url,
          NOMINATIM_USER_AGENT: 'tests',
          NOMINATIM_TIMEOUT_MS: '300',
        },
      });
      today = await historyToday(db);
      api = await Api.start(db);
    });
    afterAll(async () => {
      await api.stop();
      await db.drop();
      await server.stop();
    });
    beforeEach(register);

    it('shows the answers of the online provider, and offline answers while it is paused', async () => {
      await ingestReports(db, [report(-1, '10:00:00', OSLO)]);
      const range = { from: at(today, -2, '00:00:00'), to: today };
      const cities = async (): Promise<unknown[]> =>
        (await aggregated(api, trackerId, range, '1 hour')).map(({ nearestCity }) => nearestCity);
      await eventually(async () => expect(await cities()).toEqual(['Online 59.91 10.75']));
      expect((await status()).online).toMatchObject({
        name: 'nominatim',
        dailyBudget: 10_000,
        lastAnswerAt: expect.any(String),
        pausedUntil: null,
        lastError: null,
      });

      server.behave = BEHAVIOURS.tooMany;
      await ingestReports(db, [report(-1, '11:00:00', { latitude: 59.92, longitude: 10.75 })]);
      await eventually(async () =>
        expect((await status()).online).toMatchObject({
          pausedUntil: expect.any(String),
          lastError: 'HTTP 429: too many requests',
        }),
      );
      expect(await cities()).toEqual(['Online 59.91 10.75', 'Oslo']);
      const requests = server.requests.length;
      await ingestReports(db, [report(-1, '12:00:00', { latitude: 59.93, longitude: 10.75 })]);
      await eventually(async () => expect(await cities()).toEqual(['Online 59.91 10.75', 'Oslo', 'Oslo']));
      expect(server.requests).toHaveLength(requests);
    });
  });
});
