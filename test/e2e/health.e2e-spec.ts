import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import request from 'supertest';
import { LivenessRegistry } from '../../src/common/liveness/liveness.registry.js';
import type { AppConfig } from '../../src/config/app-config.js';
import type { AppRole } from '../../src/config/env.schema.js';
import { describeOnEveryEngine, itWithRedis } from '../support/engines.js';
import { Api } from '../support/application.js';
import { SwitchableProxy } from '../support/servers/switchable-proxy.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const MINUTE = 60_000;

interface Health {
  /** HTTP status code. */
  code: number;
  status: string;
  details: Record<string, { status: string; message?: string }>;
}

async function ask({ server }: Api, endpoint: 'live' | 'ready'): Promise<Health> {
  const answer = await request(server).get(`/health/${endpoint}`);
  const { status, text, headers } = answer;
  expect(headers['content-type']).toContain('application/json');
  expect(headers['cache-control']).toContain('no-store');
  expect(text).not.toMatch(/postgres(ql)?:\/\/|redis:\/\/|geheim|password/i);
  return { code: status, ...(answer.body as Omit<Health, 'code'>) };
}

describeOnEveryEngine('the health of a process', (engine) => {
  let db: TestDatabase;
  const running: Api[] = [];
  const proxies: SwitchableProxy[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
  });
  afterEach(async () => {
    for (const api of running.splice(0)) await api.stop();
    for (const proxy of proxies.splice(0)) await proxy.close();
  });
  afterAll(() => db.drop());

  async function start(roles: AppRole[], config: Partial<AppConfig> = {}): Promise<Api> {
    const api = await Api.start(db, false, { APP_ROLES: roles, ...config });
    running.push(api);
    return api;
  }
  async function proxyTo(url: string): Promise<SwitchableProxy> {
    const proxy = await SwitchableProxy.start(url);
    proxies.push(proxy);
    return proxy;
  }

  describe('at /health/live', () => {
    it('reports the loops of a refresher', async () => {
      expect(await ask(await start(['refresher']), 'live')).toMatchObject({
        code: 200,
        status: 'ok',
        details: {
          event_loop: { status: 'up' },
          refresh_aggregates: { status: 'up' },
          refresh_view: { status: 'up' },
        },
      });
    });

    it('reports whether an API answers queries', async () => {
      const api = await start(['api']);
      const { code, details } = await ask(api, 'live');
      expect(code).toBe(200);
      expect(Object.keys(details).sort()).toEqual(['event_loop', 'graphql', 'jobs']);

      const fastify = api.app.getHttpAdapter().getInstance();
      jest.spyOn(fastify, 'inject').mockImplementation((() => Promise.resolve({ statusCode: 500 })) as never);
      expect(await ask(api, 'live')).toMatchObject({
        code: 503,
        status: 'error',
        details: { graphql: { status: 'down', message: 'answers with 500' } },
      });
    });

    it('is 503 while a loop is stuck', async () => {
      const api = await start(['refresher']);
      const liveness = api.app.get(LivenessRegistry);
      let ahead = 0;
      jest.spyOn(liveness, 'now').mockImplementation(() => performance.now() + ahead);
      const holder = await db.pool.connect();
      try {
        await holder.query('BEGIN');
        await holder.query('LOCK TABLE refresh_markers IN ACCESS EXCLUSIVE MODE');
        await eventually(async () =>
          expect(
            await db.value(
              `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
               AND wait_event_type = 'Lock' AND query LIKE '%refresh_markers%'`,
            ),
          ).toBeGreaterThan(0),
        );
        expect((await ask(api, 'live')).code).toBe(200); // a pass may take long
        ahead = 22 * MINUTE;
        await eventually(async () => {
          expect(await ask(api, 'live')).toMatchObject({
            code: 503,
            status: 'error',
            details: {
              refresh_aggregates: { status: 'down', message: 'no heartbeat in time' },
              refresh_view: { status: 'up' }, // still runs, although its clock is ahead too
            },
          });
        });
      } finally {
        await holder.query('ROLLBACK');
        holder.release();
      }
      await eventually(async () => expect((await ask(api, 'live')).code).toBe(200));
    });

    it('is 503 when the event loop is blocked', async () => {
      const api = await start(['importer']);
      expect((await ask(api, 'live')).code).toBe(200); // the next check covers the time from here on
      for (let turn = 0; turn < 4; turn++) {
        for (const end = Date.now() + 600; Date.now() < end;);
        await setImmediate();
      }
      expect(await ask(api, 'live')).toMatchObject({
        code: 503,
        details: { event_loop: { status: 'down', message: 'too busy to answer' } },
      });
      await eventually(async () => expect((await ask(api, 'live')).code).toBe(200));
    });

    it('stays 200 while the database is unreachable, because a restart would not help', async () => {
      const proxy = await proxyTo(db.url);
      const api = await start(['api', 'refresher'], { DATABASE_URL: proxy.url });
      await proxy.close();
      await eventually(async () => expect((await ask(api, 'ready')).code).toBe(503));
      expect((await ask(api, 'live')).code).toBe(200);
    });
  });

  describe('at /health/ready', () => {
    it('is 503 while the database is unreachable, and 200 afterwards', async () => {
      const proxy = await proxyTo(db.url);
      const api = await start(['api'], { DATABASE_URL: proxy.url });
      await eventually(async () =>
        expect(await ask(api, 'ready')).toMatchObject({
          code: 200,
          status: 'ok',
          details: { database: { status: 'up' } },
        }),
      );
      await proxy.close();
      await eventually(async () =>
        expect(await ask(api, 'ready')).toMatchObject({
          code: 503,
          status: 'error',
          details: { database: { status: 'down', message: 'The database cannot be reached at the moment' } },
        }),
      );
      await proxy.open();
      await eventually(async () => expect((await ask(api, 'ready')).code).toBe(200));
    });

    it('is 503 when the database does not have the schema of this build', async () => {
      const api = await start(['api']);
      await db.query(`UPDATE schema_migrations SET name = name || '_' WHERE id = 1`);
      try {
        expect(await ask(api, 'ready')).toMatchObject({
          code: 503,
          details: { database: { status: 'down', message: expect.stringContaining('tracker migrate') } },
        });
      } finally {
        await db.query(`UPDATE schema_migrations SET name = rtrim(name, '_')`);
      }
      expect((await ask(api, 'ready')).code).toBe(200);
    });

    it('is 200 and degraded without the listener', async () => {
      const proxy = await proxyTo(db.url);
      const api = await start(['refresher'], { DATABASE_LISTEN_URL: proxy.url });
      await eventually(async () =>
        expect(await ask(api, 'ready')).toMatchObject({
          code: 200,
          status: 'ok',
          details: { 'listener:refresh_location_history': { status: 'up' } },
        }),
      );
      await proxy.close();
      await eventually(async () =>
        expect(await ask(api, 'ready')).toMatchObject({
          code: 200,
          status: 'degraded',
          details: {
            database: { status: 'up' },
            'listener:refresh_location_history': { status: 'degraded' },
          },
        }),
      );
      await proxy.open();
      await eventually(async () =>
        expect(await ask(api, 'ready')).toMatchObject({ code: 200, status: 'ok' }),
      );
    });

    it('is 200 and degraded without Redis', async () => {
      const api = await start(['api'], { REDIS_URL: 'redis://someone:geheim@127.0.0.1:1' });
      expect(await ask(api, 'ready')).toMatchObject({
        code: 200,
        status: 'degraded',
        details: { database: { status: 'up' }, redis: { status: 'degraded' } },
      });
    });

    itWithRedis('is degraded while Redis is unreachable', async (redis) => {
      const proxy = await proxyTo(redis);
      const api = await start(['api'], { REDIS_URL: proxy.url });
      const expectRedis = (status: string): Promise<void> =>
        eventually(async () =>
          expect(await ask(api, 'ready')).toMatchObject({ code: 200, details: { redis: { status } } }),
        );
      await expectRedis('up');
      await proxy.close();
      await expectRedis('degraded');
      await proxy.open();
      await expectRedis('up');
    });
  });
});
