import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import request from 'supertest';
import { AggregatesCron } from '../../src/aggregates/aggregates.cron.js';
import { AggregatesListener, REFRESH_CHANNEL } from '../../src/aggregates/aggregates.listener.js';
import { APP_ROLES, type AppRole } from '../../src/config/env.schema.js';
import { ListenerRegistry } from '../../src/pg-listener/listener-registry.js';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { RunningProduct } from '../support/processes.js';
import { insertReports } from '../support/reports.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('a process', (engine) => {
  let db: TestDatabase;
  const running: Api[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    await db.register('key');
  });
  afterEach(async () => {
    for (const api of running.splice(0)) await api.stop();
  });
  afterAll(() => db.drop());

  async function start(...roles: AppRole[]): Promise<Api> {
    const api = await Api.start(db, false, { APP_ROLES: roles });
    running.push(api);
    return api;
  }
  /** Names of the classes that refresh in the background of a process. */
  function runnersOf({ app }: Api): string[] {
    const has = (runner: Type): boolean => {
      try {
        app.get(runner);
        return true;
      } catch {
        return false; // Nest throws if the class is not provided
      }
    };
    return [AggregatesListener, AggregatesCron].filter(has).map(({ name }) => name);
  }
  const timersOf = ({ app }: Api): string[] => {
    const timers = app.get(SchedulerRegistry);
    return [...timers.getIntervals(), ...timers.getTimeouts(), ...timers.getCronJobs().keys()];
  };
  const listensForRefreshes = ({ app }: Api): boolean =>
    app.get(ListenerRegistry).states().get(REFRESH_CHANNEL)?.listening === true;
  const statusOf = async ({ server }: Api, path: string): Promise<number> =>
    (await request(server).get(path)).status;
  const insertNow = (): Promise<void> =>
    insertReports(db, [{ key: 'key', at: new Date(), latitude: 1, longitude: 2 }]);

  it('with the role api answers queries and never refreshes', async () => {
    const api = await start('api');
    expect(runnersOf(api)).toEqual([]);
    expect(listensForRefreshes(api)).toBe(false);
    expect(timersOf(api)).not.toContain('refresh-backstop');
    expect(await api.data('{ __typename }')).toEqual({ __typename: 'Query' });
    expect(await statusOf(api, '/playground')).toBe(200);
    expect(await statusOf(api, '/health/live')).toBe(200);

    await db.settle();
    await insertNow();
    // Wait four times as long as a refresher would take to find the marker by polling alone.
    await eventually(async () =>
      expect(
        await db.value('SELECT extract(epoch FROM now() - min(created_at))::float8 FROM refresh_markers'),
      ).toBeGreaterThan(2),
    );

    await start('refresher');
    await eventually(async () => {
      expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0);
      expect(await db.value('SELECT changes > refreshed FROM refresh_state')).toBe(false);
    });
  });

  it('with the role refresher has its listener and its timers, and serves only its health', async () => {
    const refresher = await start('refresher');
    expect(runnersOf(refresher)).toEqual(['AggregatesListener', 'AggregatesCron']);
    expect(timersOf(refresher)).toContain('refresh-backstop');
    await eventually(() => expect(listensForRefreshes(refresher)).toBe(true));
    expect(await statusOf(refresher, '/health/live')).toBe(200);
    expect(await statusOf(refresher, '/health/ready')).toBe(200);
    const query = await request(refresher.server).post('/graphql').send({ query: '{ __typename }' });
    expect(query.status).toBe(404);
    expect(await statusOf(refresher, '/playground')).toBe(404);
  });

  it.each<AppRole>(['importer', 'geocoder'])('with only the role %s does not refresh', async (role) => {
    const worker = await start(role);
    expect(runnersOf(worker)).toEqual([]);
    expect(listensForRefreshes(worker)).toBe(false);
    expect(await statusOf(worker, '/health/live')).toBe(200);
    expect(await statusOf(worker, '/health/ready')).toBe(200);
    expect(await statusOf(worker, '/graphql')).toBe(404);
  });

  it('has all roles by default', async () => {
    const all = await Api.start(db);
    running.push(all);
    expect(db.config.APP_ROLES).toEqual(APP_ROLES);
    expect(runnersOf(all)).toEqual(['AggregatesListener', 'AggregatesCron']);
    expect(await all.data('{ __typename }')).toEqual({ __typename: 'Query' });
    expect(await statusOf(all, '/health/live')).toBe(200);
  });

  describe('of each role', () => {
    const processes: RunningProduct[] = [];
    afterAll(async () => {
      for (const process of processes) await process.destroy();
    });

    it('starts from one build and stops within 10 seconds of SIGTERM', async () => {
      for (const roles of ['api', 'refresher', 'importer,geocoder']) {
        processes.push(
          RunningProduct.server({
            DATABASE_URL: db.url,
            HISTORY_ENGINE: engine,
            PORT: '0',
            APP_ROLES: roles,
          }),
        );
      }
      const found = await Promise.all(
        processes.map(async (process) => {
          const address = await process.address();
          const status = async (path: string): Promise<number> => (await fetch(`${address}${path}`)).status;
          return [await status('/health/live'), await status('/health/ready'), await status('/playground')];
        }),
      );
      expect(found).toEqual([
        [200, 200, 200],
        [200, 200, 404],
        [200, 200, 404],
      ]);
      await insertNow(); // the refresher has something to do
      for (const { code, ms } of await Promise.all(processes.map((process) => process.end('SIGTERM')))) {
        expect(code).toBe(0);
        expect(ms).toBeLessThan(10_000);
      }
    });
  });
});
