import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import request from 'supertest';
import type { AppRole } from '../../src/config/env.schema.js';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import {
  aDevice,
  ago,
  aKeyPair,
  ENCRYPTION_KEY,
  FetchScene,
  type KeyPair,
  addReport,
} from '../support/scenes/find-my-scene.js';
import { markJobsDone } from '../support/services.js';
import { eventually } from '../support/waiting.js';

const [A, B, C] = [50, 51, 52].map(aKeyPair) as [KeyPair, KeyPair, KeyPair];
const RUN_FIELDS = 'id kind tracker outcome read stored late duplicate rejected errorCode';

interface Run {
  id: string;
  kind: string;
  tracker: string;
  outcome: string;
  read: number;
  stored: number;
  duplicate: number;
  errorCode: string | null;
}

describeOnEveryEngine('the application with a Find My endpoint', (engine) => {
  let scene: FetchScene;
  const running: Api[] = [];

  beforeAll(async () => {
    scene = await FetchScene.create(engine);
  });
  afterAll(() => scene.drop());
  beforeEach(async () => {
    await scene.begin();
    await scene.db.query('TRUNCATE job_runs');
  });
  afterEach(async () => {
    for (const api of running.splice(0)) await api.stop();
    await scene.end();
  });

  async function start(...roles: AppRole[]): Promise<Api> {
    const api = await Api.start(scene.db, false, {
      APP_ROLES: roles,
      FIND_MY_ENDPOINT_URL: scene.fake.url,
      FIND_MY_MIN_INTERVAL_MS: 0,
      FIND_MY_TIMEOUT_MS: 1000,
      TRACKER_KEY_ENCRYPTION_KEY: ENCRYPTION_KEY,
    });
    running.push(api);
    return api;
  }
  /** Postpones the scheduled fetch, so that only requested trackers are fetched. */
  const withoutSchedule = (): Promise<void> => markJobsDone(scene.db, { import: '0 */6 * * *' });
  const idOf = (name: string): Promise<string> =>
    scene.db.value('SELECT id::text FROM trackers WHERE name = $1', [name]);
  const REQUEST = `mutation ($id: ID!) { updateTrackerLocation(trackerId: $id) { ${RUN_FIELDS} } }`;
  async function requestFetch(api: Api, id: string): Promise<Run> {
    return (await api.data<{ updateTrackerLocation: Run }>(REQUEST, { id })).updateTrackerLocation;
  }
  const waitForEnd = (api: Api, id: string): Promise<Run> =>
    eventually(async () => {
      const { importRun } = await api.data<{ importRun: Run }>(
        `query ($id: ID!) { importRun(id: $id) { ${RUN_FIELDS} } }`,
        { id },
      );
      expect(['queued', 'running']).not.toContain(importRun.outcome.toLowerCase());
      return importRun;
    });

  it('fetches soon after a GraphQL request, and shows the result under the id of the run', async () => {
    await withoutSchedule();
    await scene.register(aDevice('Bike', [A]), aDevice('Bag', [B]));
    const at = ago(5);
    addReport(scene.fake, A, { at, latitude: 48.1, longitude: 11.5 });
    const api = await start('api');
    await start('importer', 'refresher');
    const id = await idOf('Bike');

    const queued = await requestFetch(api, id);
    expect(queued).toMatchObject({ tracker: 'Bike', outcome: expect.stringMatching(/queued/i), read: 0 });
    expect(await waitForEnd(api, queued.id)).toMatchObject({
      outcome: expect.stringMatching(/completed/i),
      read: 1,
      stored: 1,
    });
    await eventually(async () =>
      expect(
        await api.data(
          'query ($id: ID!) { tracker(id: $id) { latestLocation { lastReportAt location { latitude } } } }',
          {
            id,
          },
        ),
      ).toEqual({
        tracker: { latestLocation: { lastReportAt: at.toISOString(), location: { latitude: 48.1 } } },
      }),
    );

    const again = await requestFetch(api, id);
    expect(again.id).not.toBe(queued.id);
    expect(await waitForEnd(api, again.id)).toMatchObject({ read: 1, stored: 0, duplicate: 1 });
    expect(scene.fake.calls.map(({ ids }) => ids)).toEqual([[A.hashedAdvKey], [A.hashedAdvKey]]);
    await scene.expectNothingLeft();
  });

  it('queues a tracker once, and reports why a tracker cannot be fetched', async () => {
    await withoutSchedule();
    await scene.register(aDevice('Bike', [A]));
    const api = await start('api');
    const id = await idOf('Bike');
    const first = await requestFetch(api, id);
    expect((await requestFetch(api, id)).id).toBe(first.id);

    const keyless = await scene.db.register('Keyless');
    expect((await api.error(REQUEST, { id: keyless })).extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect((await api.error(REQUEST, { id: '987654321' })).extensions).toMatchObject({ code: 'NOT_FOUND' });

    scene.fake.faultOf = () => ({ status: 501 });
    await start('importer');
    expect(await waitForEnd(api, first.id)).toMatchObject({ read: 0, errorCode: expect.any(String) });
  });

  it('finds a tracker by its additional keys, also in an import', async () => {
    await scene.register(aDevice('Bike', [A, B]));
    const api = await start('api');
    const id = await idOf('Bike');
    for (const { advertisementKey } of [A, B]) {
      expect(
        await api.data('query ($key: String!) { trackerByAdvertisementKey(key: $key) { id } }', {
          key: advertisementKey,
        }),
      ).toEqual({ trackerByAdvertisementKey: { id } });
    }
    const line = { hashedAdvKey: B.hashedAdvKey, timestamp: ago(3), latitude: 47, longitude: 10 };
    const answer = await request(api.server)
      .post('/import/reports')
      .send(`${JSON.stringify(line)}\n`);
    expect(answer.body).toMatchObject({ read: 1, stored: 1 });
    expect(await scene.db.query('SELECT hashed_adv_key AS key FROM location_reports')).toEqual([
      { key: A.hashedAdvKey },
    ]);
  });

  it('fetches all trackers on schedule', async () => {
    await scene.register(aDevice('Bike', [A]), aDevice('Bag', [B]), aDevice('Cat', [C]));
    for (const pair of [A, B, C]) addReport(scene.fake, pair, { at: ago(10), latitude: 48, longitude: 11 });
    await start('importer');
    await eventually(async () =>
      expect(
        await scene.db.query(`SELECT outcome, row_count, error FROM job_runs WHERE job = 'import'`),
      ).toEqual([{ outcome: 'done', row_count: 3, error: null }]),
    );
    expect(scene.fake.calls.map(({ ids }) => ids[0]).sort()).toEqual(
      [A, B, C].map(({ hashedAdvKey }) => hashedAdvKey).sort(),
    );
    await scene.expectNothingLeft();
  });
});
