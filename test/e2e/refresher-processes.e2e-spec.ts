import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { PoolClient } from 'pg';
import { describeOnEveryEngine, describeWithRedis } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { markJobsDone } from '../support/services.js';
import { RunningProduct } from '../support/processes.js';
import { RedisServer } from '../support/servers/server-processes.js';
import { expectHistoryOf, historyToday } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { eventually, slowDownView, viewRefreshRunning, sessionWaitingForLock } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const TTL = 2_000;
/** Time for the lock to expire and another process to check for due jobs (every five seconds), with a margin. */
const TAKEOVER_MS = TTL + 5_000 + 8_000;
const LOCK = 'location_history:aggregate_refresh_lock';
const LAST_REFRESH = 'location_history:last_aggregate_refresh';

describeWithRedis('refresher processes', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.destroy());

  describeOnEveryEngine('on one database', (engine) => {
    let db: TestDatabase;
    let today: Date;
    const products: RunningProduct[] = [];
    const reports: TestReport[] = [];

    beforeAll(async () => {
      db = await TestDatabase.create(engine);
      today = await historyToday(db);
      await db.register('a');
      await db.settle();
      // No job is due until a test makes it due.
      await markJobsDone(db, {
        maintenance: '7 * * * *',
        history_check: '22 * * * *',
        aggregate_refresh: '37 * * * *',
      });
    });
    afterEach(async () => {
      for (const product of products.splice(0)) await product.destroy();
      await redis.client.flushall();
    });
    afterAll(() => db.drop());

    async function start(): Promise<RunningProduct> {
      const product = RunningProduct.server({
        DATABASE_URL: db.url,
        REDIS_URL: redis.url,
        HISTORY_ENGINE: engine,
        APP_ROLES: 'refresher',
        LOCK_TTL_MS: String(TTL),
        PORT: '0',
      });
      products.push(product);
      await product.waitForOutput(/listening on refresh_location_history/);
      return product;
    }
    async function report(): Promise<void> {
      const moment = new Date(at(today, -1, '00:00:00').getTime() + reports.length * 60_000);
      const next = { key: 'a', at: moment, latitude: reports.length, longitude: 7 };
      reports.push(next);
      await insertReports(db, [next]);
    }
    /** Runs work while a statement's locks are held. */
    async function whileHeld(sql: string, work: (held: PoolClient) => Promise<void>): Promise<void> {
      const client = await db.pool.connect();
      try {
        await client.query('BEGIN');
        await client.query(sql);
        await work(client);
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    }
    const runs = (outcome: string): Promise<number> =>
      db.value(
        `SELECT count(*) FROM job_runs WHERE job = 'aggregate_refresh' AND outcome = $1 AND holder <> 'test'`,
        [outcome],
      );
    /** Returns the one of these processes that runs the periodic refresh at this moment. */
    async function worker(processes: readonly RunningProduct[]): Promise<RunningProduct> {
      return eventually(async () => {
        const holder = await db.value<string | undefined>('SELECT holder FROM lock_holders WHERE name = $1', [
          LOCK,
        ]);
        const found = processes.find(({ child }) => holder?.endsWith(`:${child.pid ?? 0}`));
        if (!found) throw new Error(`no process runs the periodic refresh; holder: ${holder ?? 'none'}`);
        return found;
      }, TAKEOVER_MS);
    }

    it('run the periodic refresh once, even if one is killed, or suspended and resumed', async () => {
      const all = await Promise.all([start(), start(), start()]);
      const others = (...not: RunningProduct[]): RunningProduct[] => all.filter((one) => !not.includes(one));
      const running: { last?: RunningProduct } = {};
      await whileHeld('LOCK TABLE history_state IN ACCESS EXCLUSIVE MODE', async () => {
        await db.query(`DELETE FROM job_runs WHERE job = 'aggregate_refresh'`);
        const first = await worker(all);
        expect(await redis.client.pttl(LOCK)).toBeGreaterThan(0);
        expect(await redis.client.pttl(LOCK)).toBeLessThanOrEqual(TTL);
        await eventually(async () => expect(await runs('running')).toBe(1)); // not only locked
        await first.end('SIGKILL');

        const second = await worker(others(first));
        // Wait until it has started its own run; if it were suspended before, no run would fail.
        await eventually(async () => {
          expect(await runs('failed')).toBe(1);
          expect(await runs('running')).toBe(1);
        });
        second.child.kill('SIGSTOP');
        const third = await worker(others(first, second));
        const token = await redis.client.get(LOCK);
        expect(token).not.toBeNull();
        second.child.kill('SIGCONT');
        await second.waitForOutput(/aggregate_refresh.*: (failed|.*lost|terminating connection)/);
        await sleep(2 * TTL);
        expect(await redis.client.get(LOCK)).toBe(token);
        expect(await redis.client.pttl(LOCK)).toBeGreaterThan(0);
        expect(await worker(all)).toBe(third);
        expect(await runs('running')).toBe(1);
        running.last = third;
      });
      await eventually(async () => expect(await runs('done')).toBe(1));
      await running.last?.waitForOutput(/aggregate_refresh of \S+: done/);
      expect(await runs('failed')).toBe(2);
      expect(Number(await redis.client.get(LAST_REFRESH))).toBeCloseTo(Date.now() / 1000, -3);
      expect(await redis.client.ttl(LAST_REFRESH)).toBeGreaterThan(7000);
      expect(await redis.client.ttl(LAST_REFRESH)).toBeLessThanOrEqual(7200);
      await sleep(6_000); // each process has checked for due jobs again
      expect(await runs('done')).toBe(1);
      expect(await redis.client.exists(LOCK)).toBe(0);
    }, 120_000);

    it('log a notification that is sent by hand', async () => {
      const product = await start();
      await db.query(`SELECT pg_notify('refresh_location_history', 'test')`);
      await product.waitForOutput(/LOG.*got notification: refresh_location_history \("test"\)/);
      await eventually(async () =>
        expect(await db.value('SELECT notified_at FROM refresh_state')).not.toBeNull(),
      );
    });

    it('shut down cleanly while they refresh, and leave no query, lock or unfinished work', async () => {
      const product = await start();
      await report();
      await slowDownView(db, 60);
      await report();
      await viewRefreshRunning(db);
      expect(await redis.locks()).toEqual(['location_history:view_refresh_lock']);
      const { code, ms } = await product.end('SIGTERM');
      expect(code).toBe(0);
      expect(ms).toBeLessThan(10_000);
      expect(await redis.locks()).toEqual([]);
      expect(await db.value('SELECT count(*) FROM lock_holders')).toBe(0);
      expect(
        await db.query(
          `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tracker%'
             AND state = 'active' AND pid <> pg_backend_pid()`,
        ),
      ).toEqual([]);
      await slowDownView(db, 0);
      await start();
      await eventually(async () =>
        expect(await db.value('SELECT changes > refreshed FROM refresh_state')).toBe(false),
      );
      await expectHistoryOf(db, reports);
    });

    it('lose no change when one is killed between reading the markers and deleting them', async () => {
      const product = await start();
      await db.query(`
        CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
        CREATE TRIGGER wait_here BEFORE DELETE ON refresh_markers FOR EACH STATEMENT EXECUTE FUNCTION wait_here()`);
      await whileHeld('SELECT pg_advisory_xact_lock(1)', async () => {
        await report();
        await sessionWaitingForLock(db, '%DELETE FROM refresh_markers%');
        await product.end('SIGKILL');
        // PostgreSQL notices within seconds, before the statement is done.
        await eventually(async () => expect(await db.value('SELECT count(*) FROM lock_holders')).toBe(0));
      });
      expect(await db.value('SELECT count(*) FROM refresh_markers')).toBeGreaterThan(0);
      await start();
      await eventually(async () => expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0));
      await eventually(async () =>
        expect(await db.value('SELECT changes > refreshed FROM refresh_state')).toBe(false),
      );
      await expectHistoryOf(db, reports);
    });
  });
});
