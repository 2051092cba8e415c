import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Api } from '../support/application.js';
import { aggregated, type ApiRow, HISTORY_FIELDS, historyRow } from '../support/history-answers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, expectedHistory, type HistoryRow, type TestReport, utcDay } from '../support/history-oracle.js';
import { historyToday } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { randomReports } from '../support/random.js';
import { whenVisible } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

/** The example queries that users were given first, word for word. */
const DOCUMENTED_QUERY = `query {
locationHistoryAggregated(
trackerId: "123"
startTime: "2025-01-01T00:00:00Z"
endTime: "2025-01-31T23:59:59Z"
bucketSize: "1 day" # Options: "1 hour" or "1 day"
) {
id
timestamp
location {
latitude
longitude
}
nearestCity
tracker {
id
name
currentStatus
}
}
}`;
const DOCUMENTED_MUTATION = `mutation {
refreshLocationHistoryAggregates(
trackerId: "123"
startTime: "2025-01-01T00:00:00Z"
endTime: "2025-01-31T23:59:59Z"
)
}`;

const FOREVER = new Date('9999-01-01T00:00:00Z');
const MINUTE = 60_000;

describeOnEveryEngine('GraphQL', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let today: Date;
  let key = '';
  let id = '';
  let trackers = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: { DAILY_RETENTION_DAYS: '3650' } });
    // The documented examples use the id 123.
    await db.query(`SELECT setval(pg_get_serial_sequence('trackers', 'id'), 1000)`);
    api = await Api.start(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });
  beforeEach(async () => {
    today = await historyToday(db);
    key = `key ${++trackers}`;
    id = await db.register(`tracker ${trackers}`, key);
  });

  const rowsOf = async (from: Date, to: Date, size: '1 hour' | '1 day'): Promise<HistoryRow[]> =>
    (await aggregated(api, id, { from, to }, size)).map((row) => historyRow(key, row));
  const everything = { from: new Date('2020-01-01T00:00:00Z'), to: FOREVER };

  describe('the documented examples', () => {
    const january = (day: number, time: string): Date =>
      new Date(`2025-01-${String(day).padStart(2, '0')}T${time}Z`);

    beforeAll(async () => {
      await db.query(
        `INSERT INTO trackers (id, name, hashed_adv_key, current_status) VALUES (123, 'Parcel', 'documented', 'IN_TRANSIT')`,
      );
      const report = (moment: Date, latitude: number): TestReport => ({
        key: 'documented',
        at: moment,
        latitude,
        longitude: 13.405,
      });
      await insertReports(db, [
        { ...report(january(1, '00:00:00'), 52.1), city: 'Berlin' },
        report(january(15, '08:00:00'), 52.2),
        report(january(15, '18:00:00'), 52.3),
        report(january(31, '23:59:59.999'), 52.4),
        report(new Date('2024-12-31T23:59:59.999Z'), 1),
        report(new Date('2025-02-01T00:00:00Z'), 2),
      ]);
    });

    it('the query returns the days of January', async () => {
      const row = (day: number, latitude: number, nearestCity: string | null): unknown => ({
        id: `123:1 day:${january(day, '00:00:00').getTime() / 1000}`,
        timestamp: january(day, '00:00:00').toISOString(),
        location: { latitude, longitude: 13.405 },
        nearestCity,
        tracker: { id: '123', name: 'Parcel', currentStatus: 'IN_TRANSIT' },
      });
      await whenVisible(engine, async () => {
        expect(await api.ask(DOCUMENTED_QUERY)).toEqual({
          data: {
            locationHistoryAggregated: [row(1, 52.1, 'Berlin'), row(15, 52.3, null), row(31, 52.4, null)],
          },
        });
      });
    });

    it('the mutation needs no selection set and leaves correct history unchanged', async () => {
      const before = await api.ask(DOCUMENTED_QUERY);
      expect(await api.ask(DOCUMENTED_MUTATION)).toEqual({
        data: { refreshLocationHistoryAggregates: true },
      });
      expect(await api.ask(DOCUMENTED_QUERY)).toEqual(before);
    });

    it('the mutation has refreshed the materialized view when it returns', async () => {
      await insertReports(db, [{ key, at: new Date(Date.now() - MINUTE), latitude: 5, longitude: 6 }]);
      await api.data(
        `mutation { refreshLocationHistoryAggregates(trackerId: "${id}", startTime: "${utcDay(today, -1).toISOString()}",
         endTime: "${utcDay(today, 2).toISOString()}") }`,
      );
      expect(
        await db.query('SELECT ST_Y(location) AS y FROM location_history WHERE tracker_id = $1', [id]),
      ).toEqual([{ y: 5 }]);
    });
  });

  describe('a report that was inserted with plain SQL', () => {
    it('is in its hour and its day as soon as it is committed', async () => {
      const moment = new Date(Date.now() - 5 * MINUTE);
      await db.query(
        `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence)
         VALUES ($1, $2, ST_SetSRID(ST_MakePoint(-0.1278, 51.5074), 4326), 100)`,
        [key, moment],
      );
      await whenVisible(engine, async () => {
        for (const size of ['1 hour', '1 day'] as const) {
          expect(await aggregated(api, id, everything, size)).toMatchObject([
            {
              location: { latitude: 51.5074, longitude: -0.1278 },
              lastReportAt: moment.toISOString(),
              reportCount: 1,
              confidence: 100,
            },
          ]);
        }
      });
    });

    it('is invisible before the commit, and after a rollback', async () => {
      const client = await db.pool.connect();
      try {
        await client.query('BEGIN');
        await insertReports(
          { query: async (sql, values) => (await client.query(sql, values)).rows as never },
          [{ key, at: at(today, -1, '10:00:00'), latitude: 1, longitude: 2 }],
        );
        expect(await aggregated(api, id, everything, '1 day')).toEqual([]);
        await client.query('ROLLBACK');
      } finally {
        client.release();
      }
      expect(await aggregated(api, id, everything, '1 day')).toEqual([]);
    });

    it('is counted as the oracle expects, in hours before and after the cut and in days', async () => {
      const reports = randomReports(key, today, 6, 400);
      await insertReports(db, reports, 'ON CONFLICT DO NOTHING');
      await insertReports(db, reports.slice(100, 200), 'ON CONFLICT DO NOTHING');
      const cut = await db.value<Date>('SELECT cut FROM history_state');
      await whenVisible(engine, async () => {
        expect(await rowsOf(everything.from, everything.to, '1 hour')).toEqual(
          expectedHistory(reports, cut).filter(({ size }) => size === '1 hour'),
        );
        expect(await rowsOf(everything.from, everything.to, '1 day')).toEqual(
          expectedHistory(reports, FOREVER),
        );
      });
    });
  });

  it('answers locationHistoryByTimeRange with days before the cut and hours after it', async () => {
    const reports = randomReports(key, today, 5, 200);
    await insertReports(db, reports, 'ON CONFLICT DO NOTHING');
    const cut = await db.value<Date>('SELECT cut FROM history_state');
    const byTimeRange = async (from: Date, to: Date): Promise<HistoryRow[]> => {
      const { rows } = await api.data<{ rows: ApiRow[] }>(
        `query ($id: ID!, $from: DateTime!, $to: DateTime!) {
           rows: locationHistoryByTimeRange(trackerId: $id, startTime: $from, endTime: $to) { ${HISTORY_FIELDS} } }`,
        { id, from, to },
      );
      return rows.map((row) => historyRow(key, row));
    };
    await whenVisible(engine, async () => {
      const all = expectedHistory(reports, cut);
      expect(await byTimeRange(everything.from, everything.to)).toEqual(all);
      const [from, to] = [at(today, -3, '12:00:00'), at(today, -1, '06:30:00')];
      expect(await byTimeRange(from, to)).toEqual(
        all.filter(({ size, bucket }) => {
          const end = new Date(bucket).getTime() + (size === '1 day' ? 1440 : 60) * MINUTE;
          return end > from.getTime() && new Date(bucket) < to;
        }),
      );
    });
  });
});
