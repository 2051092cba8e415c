import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { TestDatabase } from '../support/test-database.js';

const KEY = Buffer.alloc(28, 3).toString('base64');
const DELETE = `mutation ($id: ID!) { deleteTracker(id: $id) { erasedReports } }`;
const UPDATE = `mutation ($id: ID!, $input: UpdateTrackerInput!) { tracker: updateTracker(id: $id, input: $input) {
  name advertisementKey hashedAdvertisementKey macAddress currentStatus createdAt updatedAt } }`;
const SET_STATUS = `mutation ($id: ID!, $status: TrackerStatus!, $note: String, $by: String) {
  setTrackerStatus(trackerId: $id, status: $status, note: $note, by: $by) { currentStatus } }`;
const STATUSES = `query ($id: ID!) { tracker(id: $id) { createdAt currentStatus currentStateStart totalTransitTime totalStorageTime
  statusHistory { status timestamp endedAt changedBy reason tracker { id } } } }`;

interface Status {
  status: string;
  timestamp: string;
  endedAt: string | null;
  changedBy: string | null;
  reason: string | null;
}

describeOnEveryEngine('a tracker', (engine) => {
  let db: TestDatabase;
  let api: Api;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    await db.register('c');
    api = await Api.start(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  describe('that is updated', () => {
    it('has the new name, address and status, and the key of its hash', async () => {
      const hash = await db.value<string>(`SELECT encode(sha256(decode($1, 'base64')), 'base64')`, [KEY]);
      const id = await db.register('by its hash', hash);
      const find = 'query ($key: String!) { trackerByAdvertisementKey(key: $key) { id } }';
      expect(await api.data(find, { key: KEY })).toEqual({ trackerByAdvertisementKey: { id } });
      const input = {
        name: 'renamed',
        advertisementKey: KEY,
        macAddress: '00:1A:7D:DA:71:13',
        currentStatus: 'IN_TRANSIT',
      };
      const { tracker } = await api.data<{ tracker: Record<string, string> }>(UPDATE, { id, input });
      expect(tracker).toMatchObject({ ...input, hashedAdvertisementKey: hash });
      expect(Date.parse(tracker['updatedAt'] ?? '')).toBeGreaterThan(Date.parse(tracker['createdAt'] ?? ''));
      expect(await api.data(UPDATE, { id, input: { macAddress: null } })).toMatchObject({
        tracker: { ...input, macAddress: null },
      });
      expect(await api.data(UPDATE, { id, input: {} })).toMatchObject({ tracker: { name: 'renamed' } });

      for (const wrong of [{ name: 'c' }, { advertisementKey: Buffer.alloc(28, 4).toString('base64') }]) {
        const { extensions } = await api.error(UPDATE, { id, input: wrong });
        expect(extensions).toEqual({ code: 'CONFLICT', argument: Object.keys(wrong)[0] });
      }
      for (const wrong of [{ name: ' ' }, { name: null }, { advertisementKey: 'x' }, { macAddress: 'x' }]) {
        expect((await api.error(UPDATE, { id, input: wrong })).extensions.code).toBe('BAD_USER_INPUT');
      }
      expect((await api.error(find, { key: 'x' })).extensions).toEqual({
        code: 'BAD_USER_INPUT',
        argument: 'key',
      });
    });
  });

  describe('its status', () => {
    const statusesOf = async (
      id: string,
    ): Promise<
      Record<string, unknown> & {
        statusHistory: Status[];
        totalTransitTime: number;
        totalStorageTime: number;
      }
    > => (await api.data<{ tracker: Awaited<ReturnType<typeof statusesOf>> }>(STATUSES, { id })).tracker;
    const withoutTimes = (history: Status[]): unknown[] =>
      history.map(({ status, changedBy, reason }) => [status, changedBy, reason]);

    it('is recorded with who and why, whoever changes it and however', async () => {
      const id = await db.register('travels');
      await api.data(SET_STATUS, { id, status: 'IN_TRANSIT', note: 'picked up', by: 'Łucja' });
      await db.query(`UPDATE trackers SET current_status = 'IN_STORAGE' WHERE id = $1`, [id]);
      await db.query(`UPDATE trackers SET current_status = 'IN_STORAGE', mac_address = 'x' WHERE id = $1`, [
        id,
      ]);
      await api.data(UPDATE, { id, input: { currentStatus: 'IN_TRANSIT' } });
      await api.data(SET_STATUS, { id, status: 'DELIVERED', by: 'driver' });
      await api.data(SET_STATUS, { id, status: 'DELIVERED', note: 'said twice', by: 'driver' });
      await expect(
        db.query(
          `WITH u AS (UPDATE trackers SET current_status = 'CREATED' WHERE id = $1 RETURNING 1) SELECT 1 / (count(*) - 1) FROM u`,
          [id],
        ),
      ).rejects.toThrow(/zero/);

      const tracker = await statusesOf(id);
      expect(withoutTimes(tracker.statusHistory)).toEqual([
        ['DELIVERED', 'driver', null],
        ['IN_TRANSIT', null, null],
        ['IN_STORAGE', null, null],
        ['IN_TRANSIT', 'Łucja', 'picked up'],
        ['CREATED', null, null],
      ]);
      expect(tracker.statusHistory[0]).toMatchObject({ endedAt: null, tracker: { id } });
      for (const [i, { timestamp }] of tracker.statusHistory.entries()) {
        if (i > 0) expect(tracker.statusHistory[i]?.endedAt).toBe(tracker.statusHistory[i - 1]?.timestamp);
        expect(Math.abs(Date.now() - Date.parse(timestamp))).toBeLessThan(60_000);
      }
      expect(tracker).toMatchObject({
        currentStatus: 'DELIVERED',
        currentStateStart: tracker.statusHistory[0]?.timestamp,
      });
    });

    it('lasted as long as its records say, for one tracker and for many', async () => {
      const hour = 3_600_000;
      const start = Date.now() - 100 * hour;
      const of = async (name: string, hours: [string, number][]): Promise<string> => {
        const id = String(
          await db.value(
            `INSERT INTO trackers (name, hashed_adv_key, created_at) VALUES ($1, $1, $2) RETURNING id`,
            [name, new Date(start)],
          ),
        );
        for (const [status, at] of hours) {
          await db.query('UPDATE trackers SET current_status = $2 WHERE id = $1', [id, status]);
          await db.query(
            'UPDATE tracker_status_history SET changed_at = $2 WHERE id = (SELECT max(id) FROM tracker_status_history WHERE tracker_id = $1)',
            [id, new Date(start + at * hour)],
          );
        }
        return id;
      };
      const x = await of('lasting x', [
        ['IN_TRANSIT', 10],
        ['IN_STORAGE', 12.5],
        ['IN_TRANSIT', 20],
        ['DELIVERED', 30],
      ]);
      await of('lasting y', [
        ['IN_TRANSIT', 50.25],
        ['DELIVERED', 50.5],
      ]);
      await of('lasting z', []);
      const tracker = await statusesOf(x);
      expect(tracker.totalTransitTime).toBeCloseTo(12.5, 3);
      expect(tracker.totalStorageTime).toBeCloseTo(7.5, 3);

      const { stats } = await api.data<{ stats: { statuses: Record<string, number>[] } }>(
        `{ stats: durationStats(filter: { name: "LASTING" }) { totalTrackers averageTransitTime averageStorageTime
           statuses { status trackers trackersNow totalSeconds averageSeconds longestSeconds } } }`,
      );
      const near = (hours: number): unknown => expect.closeTo(hours * 3600, -2);
      expect(stats).toEqual({
        totalTrackers: 3,
        averageTransitTime: expect.closeTo((12.5 + 0.25) / 2, 3),
        averageStorageTime: expect.closeTo(7.5, 3),
        statuses: [
          {
            status: 'CREATED',
            trackers: 3,
            trackersNow: 1,
            totalSeconds: near(160.25),
            averageSeconds: near(160.25 / 3),
            longestSeconds: near(100),
          },
          {
            status: 'IN_TRANSIT',
            trackers: 2,
            trackersNow: 0,
            totalSeconds: near(12.75),
            averageSeconds: near(6.375),
            longestSeconds: near(12.5),
          },
          {
            status: 'IN_STORAGE',
            trackers: 1,
            trackersNow: 0,
            totalSeconds: near(7.5),
            averageSeconds: near(7.5),
            longestSeconds: near(7.5),
          },
          {
            status: 'DELIVERED',
            trackers: 2,
            trackersNow: 2,
            totalSeconds: near(70 + 49.5),
            averageSeconds: near(119.5 / 2),
            longestSeconds: near(70),
          },
        ],
      });
      expect(
        await api.data('{ durationStats(filter: { name: "nobody" }) { totalTrackers averageTransitTime } }'),
      ).toEqual({
        durationStats: { totalTrackers: 0, averageTransitTime: 0 },
      });
    });

    it('changes one after the other when several set it at once', async () => {
      const id = await db.register('contested');
      const wanted = ['IN_TRANSIT', 'IN_STORAGE', 'DELIVERED', 'CREATED', 'IN_TRANSIT', 'IN_STORAGE'];
      await Promise.all(wanted.map((status, i) => api.data(SET_STATUS, { id, status, by: `${i}` })));
      const { statusHistory, currentStatus } = await statusesOf(id);
      expect(statusHistory[0]?.status).toBe(currentStatus);
      for (const [i, { status, endedAt, timestamp }] of statusHistory.entries()) {
        if (i > 0) expect(status).not.toBe(statusHistory[i - 1]?.status);
        if (endedAt) expect(endedAt >= timestamp).toBe(true);
      }
    });

    it('is deleted with the tracker', async () => {
      const id = await db.register('short-lived');
      await api.data(DELETE, { id });
      expect(await db.value('SELECT count(*) FROM tracker_status_history WHERE tracker_id = $1', [id])).toBe(
        0,
      );
    });
  });
});
