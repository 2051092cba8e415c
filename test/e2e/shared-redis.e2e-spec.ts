import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeOnEveryEngine, describeWithRedis } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { runCli, RunningProduct } from '../support/processes.js';
import { RedisServer } from '../support/servers/server-processes.js';
import { expectHistoryOf, historyToday } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const VIEW_LOCK = 'location_history:view_refresh_lock';

describeWithRedis('a shared Redis', () => {
  describeOnEveryEngine('with refresher processes', (engine) => {
    let redis: RedisServer;
    const databases: TestDatabase[] = [];
    const products: RunningProduct[] = [];

    beforeAll(async () => {
      redis = await RedisServer.start();
    });
    afterEach(async () => {
      for (const product of products.splice(0)) await product.destroy();
      for (const db of databases.splice(0)) await db.drop();
      await redis.client.flushall();
    });
    afterAll(() => redis.destroy());

    async function database(): Promise<TestDatabase> {
      const db = await TestDatabase.create(engine);
      databases.push(db);
      await db.register('a');
      return db;
    }
    const environment = (db: TestDatabase): Record<string, string> => ({
      DATABASE_URL: db.url,
      REDIS_URL: redis.url,
      HISTORY_ENGINE: engine,
      LOCK_TTL_MS: '2000',
    });
    async function start(db: TestDatabase): Promise<RunningProduct> {
      const product = RunningProduct.server({ ...environment(db), APP_ROLES: 'refresher', PORT: '0' });
      products.push(product);
      await product.waitForOutput(/listening on refresh_location_history/);
      return product;
    }
    async function report(db: TestDatabase): Promise<TestReport> {
      const next = { key: 'a', at: at(await historyToday(db), -1, '10:00:00'), latitude: 1, longitude: 2 };
      await insertReports(db, [next]);
      return next;
    }
    const expectShown = (db: TestDatabase, reports: TestReport[]): Promise<void> =>
      eventually(async () => {
        expect(await db.value('SELECT changes > refreshed FROM refresh_state')).toBe(false);
        await expectHistoryOf(db, reports);
      });

    it('lets two deployments each run the periodic refresh and show its result', async () => {
      const [first, second] = [await database(), await database()];
      const expected = new Map([
        [first, [await report(first)]],
        [second, [await report(second)]],
      ]);
      // A job that has never run is due at once.
      await start(first);
      await eventually(async () =>
        expect(await first.value('SELECT periodic_at FROM refresh_state')).not.toBeNull(),
      );
      const other = await start(second);
      await eventually(async () =>
        expect(await second.value('SELECT periodic_at FROM refresh_state')).not.toBeNull(),
      );
      await other.waitForOutput(/another deployment \(\w{8} test_\w+\) has the keys location_history:\*/);
      for (const [db, reports] of expected) {
        const [run] = await db.query<{ details: unknown }>(
          `SELECT details FROM job_runs WHERE job = 'aggregate_refresh' AND outcome = 'done'`,
        );
        expect(run?.details).toEqual({ refreshed: true });
        await expectShown(db, reports);
      }
      const doctor = await runCli(['doctor'], environment(second));
      expect(doctor.stdout).toMatch(/^redis {6}ready, keys location_history:\w{8}:\*, because another/m);
    });

    it('does not block the refresh if another program uses the key of a lock; tracker doctor names it', async () => {
      const db = await database();
      await redis.client.rpush(VIEW_LOCK, 'a');
      const product = await start(db);
      const reports = [await report(db)];
      const doctor = await runCli(['doctor'], environment(db));
      expect(doctor.code).toBe(1);
      expect(doctor.stdout).toContain(`PROBLEM: Redis has a key ${VIEW_LOCK} (a list that never expires)`);
      expect(doctor.stdout).toContain(`redis-cli DEL ${VIEW_LOCK}`);
      await product.waitForOutput(
        new RegExp(`${VIEW_LOCK} \\(a list that never expires\\).*only the advisory lock is used`),
      );
      await expectShown(db, reports);
      await redis.client.del(VIEW_LOCK);
      await db.query('UPDATE refresh_state SET changes = changes + 1, behind_since = now()');
      await product.waitForOutput(new RegExp(`${VIEW_LOCK} is no longer in the way`));
    });
  });
});
