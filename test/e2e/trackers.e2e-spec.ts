import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { AggregatesListener } from '../../src/aggregates/aggregates.listener.js';
import { Api, recordStatements } from '../support/application.js';
import { type ApiRow, HISTORY_FIELDS, historyRow } from '../support/history-answers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, compareRows, expectedHistory, type HistoryRow, utcDay } from '../support/history-oracle.js';
import { randomReports } from '../support/random.js';
import { historyToday } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { whenVisible } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('trackers over GraphQL', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let today: Date;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    api = await Api.start(db);
    today = await historyToday(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  describe('createTracker', () => {
    const CREATE = `mutation ($input: CreateTrackerInput!) { createTracker(input: $input) {
      id name advertisementKey hashedAdvertisementKey macAddress currentStatus lastReportReceived createdAt
      latestLocation { reportCount } } }`;
    const KEY = '6qo5suoEETuel0Jr/bSIS7rnh+Nyew1GO/D0GQ==';
    const HASH = 'KknbNnEvhlyS5zpLH9h22TpDoDKdTVMRLOn+jf8hi0w=';

    it('computes the hash of the key, and shows earlier reports', async () => {
      await insertReports(db, [{ key: HASH, at: at(today, -1, '10:00:00'), latitude: 1, longitude: 2 }]);
      await whenVisible(engine, async () => {
        expect(
          await db.value('SELECT count(*) FROM location_history_hourly WHERE hashed_adv_key = $1', [HASH]),
        ).toBe(1);
      });
      const { createTracker } = await api.data<{ createTracker: { id: string; createdAt: string } }>(CREATE, {
        input: { name: 'Cargo bike', advertisementKey: KEY, macAddress: '00:1A:7D:DA:71:13' },
      });
      expect(createTracker).toMatchObject({
        name: 'Cargo bike',
        advertisementKey: KEY,
        hashedAdvertisementKey: HASH,
        currentStatus: 'CREATED',
        lastReportReceived: null,
        latestLocation: { reportCount: 1 },
      });
      expect(Date.now() - Date.parse(createTracker.createdAt)).toBeLessThan(60_000);
      expect(await api.data(`{ tracker(id: "${createTracker.id}") { name } }`)).toEqual({
        tracker: { name: 'Cargo bike' },
      });
    });

    it.each([
      [' van 7\u00a0', 'van 7'],
      ['Cafe\u0301', 'Caf\u00e9'],
      ['👨\u200d👩\u200d👧 ❤\ufe0f', '👨\u200d👩\u200d👧 ❤\ufe0f'],
      ['می\u200cخواهم', 'می\u200cخواهم'],
    ])('stores the name %j as %j', async (input, name) => {
      const hashedAdvertisementKey = Buffer.alloc(32, name).toString('base64');
      const answer = await api.data(CREATE.replace(/\{\s+id name[^]*$/, '{ name } }'), {
        input: { name: input, hashedAdvertisementKey },
      });
      expect(answer).toEqual({ createTracker: { name } });
    });

    it('accepts a hash alone, and null for omitted arguments', async () => {
      const hash = Buffer.alloc(32, 7).toString('base64');
      const input = {
        name: 'Hash only',
        advertisementKey: null,
        hashedAdvertisementKey: hash,
        macAddress: null,
      };
      const { createTracker } = await api.data<{ createTracker: unknown }>(CREATE, {
        input: { ...input, currentStatus: null },
      });
      expect(createTracker).toMatchObject({ ...input, currentStatus: 'CREATED', latestLocation: null });
    });

    it.each([
      ['name', { name: 'Twin', advertisementKey: Buffer.alloc(28, 2).toString('base64') }],
      ['advertisementKey', { name: 'Twin 2', advertisementKey: Buffer.alloc(28, 1).toString('base64') }],
      [
        'hashedAdvertisementKey',
        { name: 'Twin 3', hashedAdvertisementKey: Buffer.alloc(32, 9).toString('base64') },
      ],
    ])('rejects a %s that another tracker has', async (argument, input) => {
      if (argument === 'name') {
        const key28 = Buffer.alloc(28, 1).toString('base64');
        await api.data(CREATE, { input: { name: 'Twin', advertisementKey: key28 } });
        const hash32 = Buffer.alloc(32, 9).toString('base64');
        await api.data(CREATE, { input: { name: 'Hashed twin', hashedAdvertisementKey: hash32 } });
      }
      const before = await db.value('SELECT count(*) FROM trackers');
      const { message, extensions } = await api.error(CREATE, { input });
      expect({ message, extensions }).toEqual({
        message: expect.stringContaining(argument),
        extensions: { code: 'CONFLICT', argument: expect.anything() },
      });
      expect(await db.value('SELECT count(*) FROM trackers')).toBe(before);
    });
  });

  it('returns null for an unknown tracker', async () => {
    expect(await api.data('{ tracker(id: "987654321") { id } }')).toEqual({ tracker: null });
  });

  // Must run last: it stops the refresher and all jobs.
  it('reads the latest positions of 200 trackers with two statements', async () => {
    const keys = Array.from({ length: 200 }, (_, i) => `fleet ${String(i).padStart(3, '0')}`);
    for (const name of keys) await db.register(name);
    // A third was seen today or yesterday, a third only days ago, a third never.
    const reports = keys.flatMap((name, i) => {
      const all = randomReports(name, utcDay(today), 6, 10 + (i % 7));
      if (i % 3 === 0) return all;
      return i % 3 === 1 ? all.filter((report) => report.at < utcDay(today, -2)) : [];
    });
    await insertReports(db, reports, 'ON CONFLICT DO NOTHING');
    await db.settle();
    const cut = await db.value<Date>('SELECT cut FROM history_state');
    const latest = new Map<string, HistoryRow>();
    for (const row of expectedHistory(reports, cut).sort(compareRows)) latest.set(row.key, row);

    const query = `{ trackers(limit: 10000) { hashedAdvertisementKey latestLocation { ${HISTORY_FIELDS} } } }`;
    const fleet = async (): Promise<[string, HistoryRow | undefined][]> => {
      const { trackers: all } = await api.data<{
        trackers: { hashedAdvertisementKey: string; latestLocation: ApiRow | null }[];
      }>(query);
      return all
        .filter(({ hashedAdvertisementKey }) => hashedAdvertisementKey.startsWith('fleet'))
        .map(({ hashedAdvertisementKey: name, latestLocation }) => [
          name,
          latestLocation ? historyRow(name, latestLocation) : undefined,
        ]);
    };
    await whenVisible(engine, async () => {
      expect(await fleet()).toEqual(keys.map((name) => [name, latest.get(name)]));
    });

    // Timers and jobs would run statements of their own.
    const timers = api.app.get(SchedulerRegistry);
    for (const name of timers.getIntervals()) timers.deleteInterval(name);
    for (const name of [...timers.getCronJobs().keys()]) timers.deleteCronJob(name);
    await api.app.get(AggregatesListener).beforeApplicationShutdown();
    const ofNewConnections = /set_config/;
    expect((await recordStatements(fleet, ofNewConnections)).statements).toHaveLength(2);
  });
});
