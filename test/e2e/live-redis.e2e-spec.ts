import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnEveryEngine, describeWithRedis } from '../support/engines.js';
import { Api, LiveClient } from '../support/application.js';
import { RedisServer } from '../support/servers/server-processes.js';
import { insertReports } from '../support/reports.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

/** Its middle is the identity of the database. */
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

    it('get every announcement on every instance, also while Redis is away and when it is back', async () => {
      const id = await db.register('a');
      const begun = Date.now() - 60_000;
      const report = (n: number): Promise<unknown> =>
        insertReports(db, [{ key: 'a', at: new Date(begun + n * 1000), latitude: n, longitude: 7 }]);
      const subscribers = apis.map((api) => {
        const client = new LiveClient(api.server);
        clients.push(client);
        return client.subscribe([id], new Date(begun));
      });
      const expectSeen = (...latitudes: number[]): Promise<void> =>
        eventually(() => {
          for (const { seen } of subscribers)
            expect(seen.map(({ location }) => location.latitude)).toEqual(latitudes);
        });

      const announced = new Set<string>();
      const ear = redis.client.duplicate();
      ear.on('error', () => undefined);
      ear.on('pmessage', (_, channel: string) => announced.add(channel));
      await ear.psubscribe('*');
      await report(1);
      await expectSeen(1);
      await eventually(() => expect([...announced]).toEqual([expect.stringMatching(CHANNEL)]));
      ear.disconnect();

      await redis.stop();
      await report(2);
      await expectSeen(1, 2);
      await redis.start();
      await report(3);
      await expectSeen(1, 2, 3);
    });
  });
});
