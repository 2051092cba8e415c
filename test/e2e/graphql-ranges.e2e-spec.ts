import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Api } from '../support/application.js';
import { aggregated } from '../support/history-answers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { historyToday } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { insertReports } from '../support/reports.js';
import { whenVisible } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('a range of history', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let today: Date;
  let key = '';
  let id = '';
  let trackers = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
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
  const shown = async (from: Date, to: Date, size: '1 hour' | '1 day'): Promise<string[]> =>
    (await aggregated(api, id, { from, to }, size)).map(({ timestamp }) => timestamp);

  it('contains the hours that overlap [startTime, endTime)', async () => {
    await insertReports(db, [{ key, at: at(today, -1, '10:15:00'), latitude: 1, longitude: 2 }]);
    const hour = [at(today, -1, '10:00:00').toISOString()];
    const ranges: [string, string, string[]][] = [
      ['10:00:00', '11:00:00', hour],
      ['10:30:00', '10:31:00', hour], // the whole bucket, not only its part in the range
      ['10:59:59.999', '12:00:00', hour],
      ['09:00:00', '10:00:00.001', hour],
      ['11:00:00', '12:00:00', []],
      ['09:00:00', '10:00:00', []],
    ];
    await whenVisible(engine, async () => {
      for (const [from, to, expected] of ranges)
        expect(await shown(at(today, -1, from), at(today, -1, to), '1 hour')).toEqual(expected);
    });
  });

  it.each(['UTC', 'Europe/Berlin'])(
    'contains only days when the time zone %s is requested',
    async (timeZone) => {
      await insertReports(db, [{ key, at: at(today, -1, '12:15:00'), latitude: 1, longitude: 2 }]);
      const query = (field: string, rest: string): string =>
        `{ ${field}(trackerId: "${id}", startTime: "${at(today, -1, '10:00:00').toISOString()}",
        endTime: "${at(today, -1, '14:00:00').toISOString()}", timeZone: "${timeZone}"${rest} }`;
      await whenVisible(engine, async () =>
        expect(await api.data(query('locationHistory', ') { resolution rows { bucketSize } }'))).toEqual({
          locationHistory: { resolution: 'DAILY', rows: [{ bucketSize: '1 day' }] },
        }),
      );
      for (const hours of [
        query('locationHistory', ', resolution: HOURLY) { resolution }'),
        query('locationHistoryAggregated', ', bucketSize: "1 hour") { id }'),
      ]) {
        expect(await api.error(hours)).toMatchObject({
          message: expect.stringContaining('timeZone requires the '),
          extensions: { code: 'BAD_USER_INPUT', argument: 'timeZone' },
        });
      }
    },
  );

  it.each([
    ['stored as a day', -3],
    ['computed from its hours', -1],
  ])('contains a day that is %s', async (_kind, day) => {
    await insertReports(db, [
      { key, at: at(today, day, '00:00:00'), latitude: 1, longitude: 2 },
      { key, at: at(today, day, '23:00:00'), latitude: 1, longitude: 2 },
    ]);
    const row = [at(today, day, '00:00:00').toISOString()];
    const ranges: [Date, Date, string[]][] = [
      [at(today, day, '00:00:00'), at(today, day + 1, '00:00:00'), row],
      [at(today, day, '12:00:00'), at(today, day, '12:00:00.001'), row],
      [at(today, day, '23:59:59.999'), at(today, day + 3, '00:00:00'), row],
      [at(today, day - 3, '00:00:00'), at(today, day, '00:00:00.001'), row],
      [at(today, day + 1, '00:00:00'), at(today, day + 2, '00:00:00'), []],
      [at(today, day - 1, '00:00:00'), at(today, day, '00:00:00'), []],
    ];
    await whenVisible(engine, async () => {
      for (const [from, to, expected] of ranges) {
        expect(await shown(from, to, '1 day')).toEqual(expected);
        const [dayRow] = await aggregated(api, id, { from, to }, '1 day');
        if (dayRow) expect(dayRow.reportCount).toBe(2);
      }
    });
  });

  it('accepts times with any offset, as literals and as variables', async () => {
    await insertReports(db, [{ key, at: at(today, -1, '10:15:00'), latitude: 1, longitude: 2 }]);
    const day = at(today, -1, '00:00:00').toISOString().slice(0, 10);
    await whenVisible(engine, async () => {
      const range = { from: `${day}T15:30:00+05:30`, to: `${day}T08:00:00.5-03:00` };
      expect(await aggregated(api, id, range, '1 hour')).toHaveLength(1);
      const { rows } = await api.data<{ rows: unknown[] }>(
        `{ rows: locationHistoryAggregated(trackerId: ${id}, startTime: "${range.from}", endTime: "${range.to}",
           bucketSize: "1 hour") { id } }`,
      );
      expect(rows).toHaveLength(1);
    });
  });
});
