import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnEveryEngine, describeWithRedis } from '../support/engines.js';
import { Api, LiveClient } from '../support/application.js';
import { RedisServer } from '../support/servers/server-processes.js';
import { insertReports } from '../support/reports.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

/** Channel of announcements; its hex digits identify the database. */
const CHANNEL = /^location_history:[0-9a-f]{8}:changed$/;

describeWithRedis('subscribers of instances that share a Redis', () => {
  describeOnEveryEngine('with one database', (engine) => {
    let db: TestDatabase;
    let redis: RedisServer;
    const apis: Api[] = [];
    const clients: LiveClient[] = [];

    beforeAll(async () => {
      redis = await RedisServer.start();
      db = await TestDatabase.create(engine);
      for (let i = 0; i < 2; i++) apis.push(await Api.start(db, false, { REDIS_URL: redis.url }));
    });
    afterAll(async () => {
      for (const client of clients) await client.close();
      for (const api of apis) await api.stop();
      await db.drop();
      await redis.destroy();
    });

    it('receive every update on every instance, also while Redis is stopped and afterwards', async () => {
      const id = await db.register('a');
      const start = Date.now() - 60_000;
      const report = (n: number): Promise<unknown> =>
        insertReports(db, [{ key: 'a', at: new Date(start + n * 1000), latitude: n, longitude: 7 }]);
      const subscribers = apis.map((api) => {
        const client = new LiveClient(api.server);
        clients.push(client);
        return client.subscribe([id], new Date(start));
      });
      const expectSeen = (...latitudes: number[]): Promise<void> =>
        eventually(() => {
          for (const { seen } of subscribers)
            expect(seen.map(({ location }) => location.latitude)).toEqual(latitudes);
        });

      const channels = new Set<string>();
      const monitor = redis.client.duplicate();
      monitor.on('error', () => undefined);
      monitor.on('pmessage', (_, channel: string) => channels.add(channel));
      await monitor.psubscribe('*');
      await report(1);
      await expectSeen(1);
      await eventually(() => expect([...channels]).toEqual([expect.stringMatching(CHANNEL)]));
      monitor.disconnect();

      await redis.stop();
      await report(2);
      await expectSeen(1, 2);
      await redis.start();
      await report(3);
      await expectSeen(1, 2, 3);
    });
  });
});
