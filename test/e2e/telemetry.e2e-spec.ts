import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import request from 'supertest';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { aDevice, ago, aKeyPair, FetchScene, addReport } from '../support/scenes/find-my-scene.js';
import { NO_TELEMETRY, SAMPLE_TELEMETRY, TelemetryScene } from '../support/scenes/telemetry-scene.js';

describeOnEveryEngine('the telemetry of a phone', (engine) => {
  const TIME = '14:03:20';
  let scene: TelemetryScene;

  beforeAll(async () => {
    scene = await TelemetryScene.create(engine);
  });
  afterAll(() => scene.drop());
  beforeEach(() => scene.begin());

  const post = async (path: string, body: object | string): Promise<unknown> => {
    const answer = await request(scene.api.server).post(`/import/${path}`).send(body);
    expect(answer.status).toBe(200);
    return answer.body as unknown;
  };
  const ownTracks = (more: Record<string, unknown> = {}): object => ({
    _type: 'location', tst: scene.yesterday(TIME).getTime() / 1000, lat: 52.5, lon: 13.4, acc: 12, alt: 34.5, vac: 3,
    vel: 45, cog: 271.5, batt: 79, motionactivities: ['cycling'], t: 'p', tid: 'RO', topic: `owntracks/${scene.name}`, ...more,
  }); // prettier-ignore
  const overland = (): object => ({
    locations: [
      {
        type: 'Feature',
        geometry: { type: 'Point', coordinates: [13.4, 52.5] },
        properties: {
          timestamp: scene.yesterday(TIME).toISOString(), device_id: scene.name, horizontal_accuracy: 12, altitude: 34.5,
          vertical_accuracy: 3, speed: 12.5, course: 271.5, battery_level: 0.79, battery_state: 'unplugged',
          motion: ['cycling', 'stationary'],
        },
      },
    ],
  }); // prettier-ignore
  const position = { location: { latitude: 52.5, longitude: 13.4 }, horizontalAccuracy: 12 };

  it('appears in every answer, live update and export if sent by OwnTracks', async () => {
    expect(await post('owntracks', ownTracks())).toEqual([]);
    await scene.expectEverywhere(scene.yesterday(TIME), SAMPLE_TELEMETRY);
    expect(await scene.updates(1)).toMatchObject([{ ...position, ...SAMPLE_TELEMETRY }]);
  });

  it('appears in every answer, live update and export if sent by Overland', async () => {
    expect(await post('overland', overland())).toEqual({ result: 'ok' });
    await scene.expectEverywhere(scene.yesterday(TIME), SAMPLE_TELEMETRY);
    expect(await scene.updates(1)).toMatchObject([{ ...position, ...SAMPLE_TELEMETRY }]);
  });

  it('is left out if it is out of range, and the position is stored', async () => {
    await post('owntracks', ownTracks({ alt: 1e9, vel: -1, cog: 360, batt: 101, motionactivities: ['?'] }));
    await scene.expectEverywhere(scene.yesterday(TIME), { ...NO_TELEMETRY, course: 0 });
  });

  it('is stored with a rejected report', async () => {
    const telemetry = { altitude: 1e6, speed: 3.5, course: 360, battery: -1, motion: 'running' };
    const report = {
      tracker: 'nobody',
      timestamp: scene.yesterday(TIME),
      latitude: 1,
      longitude: 2,
      ...telemetry,
    };
    const { runId } = (await post('reports', `${JSON.stringify(report)}\n`)) as { runId: string };
    expect(
      await scene.api.data(
        'query ($run: ID!) { rejectedReports(runId: $run) { reason altitude speed course battery motion } }',
        { run: runId },
      ),
    ).toEqual({ rejectedReports: [{ ...telemetry, reason: 'unknown_tracker', motion: 'RUNNING' }] });
  });
});

describeOnEveryEngine('the telemetry of a Find My report', (engine) => {
  /** The status byte of a report and its battery charge: full, medium, unknown. */
  const BATTERIES: [status: number, battery: number | null][] = [
    [0x20, 100],
    [0x40, 50],
    [0x00, null],
  ];
  let scene: FetchScene;
  let api: Api;

  beforeAll(async () => {
    scene = await FetchScene.create(engine);
    await scene.begin();
    api = await Api.start(scene.db, false, { APP_ROLES: ['api'] });
  });
  afterAll(async () => {
    await api.stop();
    await scene.end();
    await scene.drop();
  });

  it('is the charge of the battery', async () => {
    for (const [i, [status]] of BATTERIES.entries()) {
      const pair = aKeyPair(90 + i);
      await scene.register(aDevice(`Tracker ${i}`, [pair]));
      addReport(scene.fake, pair, { at: ago(5), status });
    }
    expect((await (await scene.aFetcher()).fetchAll()).ledger).toMatchObject({ read: 3, stored: 3 });
    await scene.db.settle();
    expect(
      await api.data(
        '{ trackers { name latestLocation { status battery altitude speed course motion imprecise } } }',
      ),
    ).toEqual({
      trackers: BATTERIES.map(([status, battery], i) => ({
        name: `Tracker ${i}`,
        latestLocation: { ...NO_TELEMETRY, status, battery, imprecise: false },
      })),
    });
  });
});
