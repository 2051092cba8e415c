import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { whenVisible } from '../support/waiting.js';
import { NO_TELEMETRY, SAMPLE_TELEMETRY, TelemetryScene } from '../support/scenes/telemetry-scene.js';

describeOnEveryEngine('createLocationReport', (engine) => {
  let scene: TelemetryScene;

  beforeAll(async () => {
    scene = await TelemetryScene.create(engine);
  });
  afterAll(() => scene.drop());
  beforeEach(() => scene.begin());

  it('accepts telemetry', async () => {
    const time = scene.yesterday('10:15:00.123');
    expect(await scene.report(time, SAMPLE_TELEMETRY)).toEqual({
      createLocationReport: { outcome: 'STORED' },
    });
    await scene.expectEverywhere(time, SAMPLE_TELEMETRY);
  });

  it('accepts a report without telemetry', async () => {
    const time = scene.yesterday('10:15:00');
    await scene.report(time, { battery: null });
    await scene.expectEverywhere(time, NO_TELEMETRY);
  });

  it.each([
    [{ altitude: 100_001 }, 'altitude must be between -12000 and 100000 metres (got 100001)'],
    [{ speed: -0.5 }, 'speed must be between 0 and 1000 metres per second (got -0.5)'],
    [{ course: 360 }, 'course must be at least 0 and below 360 degrees (got 360)'],
    [{ battery: 101 }, 'battery must be between 0 and 100 percent (got 101)'],
    [{ latitude: 91, confidence: 256 }, 'latitude must be between -90 and 90 degrees (got 91); confidence must be between 0 and 255 (got 256)'],
    [{ horizontalAccuracy: -1 }, 'horizontalAccuracy must be between 0 and 20037508 metres (got -1)'],
  ])('rejects %j, and names the allowed range', async (wrong, message) => {
    expect(await scene.refusal(scene.yesterday('10:00:00'), wrong)).toMatchObject([
      { message, extensions: { code: 'BAD_USER_INPUT', argument: 'input', reason: 'out_of_range' } },
    ]);
    expect((await scene.history()).raw).toEqual([]);
  }); // prettier-ignore

  it.each([
    [{ motion: 'FLYING' }, /"FLYING" at "input.motion".*"Motion" enum/],
    [{ motion: 'cycling' }, /"cycling" at "input.motion".*"CYCLING"/],
    [{ battery: 50.5 }, /50.5 at "input.battery".*non-integer/],
    [{ speed: '12' }, /"12" at "input.speed".*Float/],
  ])('rejects the wrong type of %j', async (wrong, message) => {
    expect(await scene.refusal(scene.yesterday('10:00:00'), wrong)).toMatchObject([
      { message: expect.stringMatching(message), extensions: { code: 'BAD_USER_INPUT' } },
    ]);
  });

  describe('with an imprecise report', () => {
    const [EARLY, LATE, LATER] = ['10:10:00', '10:20:00', '11:30:00'] as const;
    const time = (utc: string): string => scene.yesterday(utc).toISOString();

    beforeEach(async () => {
      await scene.report(scene.yesterday(EARLY), { ...SAMPLE_TELEMETRY, horizontalAccuracy: 1000 });
      for (const [moment, latitude, battery] of [[LATE, 53, 78], [LATER, 54, 77]] as const) {
        await scene.report(scene.yesterday(moment), { horizontalAccuracy: 1000.5, latitude, battery });
      } // prettier-ignore
    });

    it('shows it only in buckets without a precise report', async () => {
      const precise = {
        ...SAMPLE_TELEMETRY,
        horizontalAccuracy: 1000,
        imprecise: false,
        locatedAt: time(EARLY),
      };
      const imprecise = { ...NO_TELEMETRY, imprecise: true };
      await whenVisible(engine, async () => {
        const { raw, hours, days, zoneDays, latest } = await scene.history();
        expect(raw).toMatchObject([
          { ...precise, lastReportAt: time(EARLY) },
          { ...imprecise, battery: 78, locatedAt: time(LATE) },
          { ...imprecise, battery: 77, locatedAt: time(LATER) },
        ]);
        const eleven = { ...imprecise, battery: 77, locatedAt: time(LATER), lastReportAt: time(LATER) };
        expect(hours).toMatchObject([{ ...precise, lastReportAt: time(LATE), reportCount: 2 }, eleven]);
        for (const rows of [days, zoneDays]) {
          expect(rows).toMatchObject([{ ...precise, lastReportAt: time(LATER), reportCount: 3 }]);
        }
        expect(latest).toMatchObject([{ ...eleven, location: { latitude: 54 } }]);
      });
    });

    it('marks it in live updates', async () => {
      expect(await scene.updates(3)).toMatchObject([
        { ...SAMPLE_TELEMETRY, imprecise: false },
        { battery: 78, imprecise: true },
        { battery: 77, imprecise: true },
      ]);
    });

    it('marks it in exports', async () => {
      await scene.db.settle();
      expect(await scene.exported('history')).toMatchObject([
        { timestamp: time(EARLY), lastReportAt: time(LATE), latitude: 52.5, imprecise: false },
        { timestamp: time(LATER), lastReportAt: time(LATER), latitude: 54, imprecise: true },
      ]);
      expect(await scene.exported('reports')).toMatchObject([
        { timestamp: time(EARLY), imprecise: false },
        { timestamp: time(LATE), imprecise: true },
        { timestamp: time(LATER), imprecise: true },
      ]);
    });

    it('applies the MAX_ACCURACY_METERS at the time of ingest', async () => {
      const setMaxAccuracy = (meters: number): Promise<unknown> =>
        scene.db.query('UPDATE history_state SET max_accuracy_meters = $1', [meters]);
      for (const [time, meters, horizontalAccuracy] of [
        ['12:00:00', 0, 20_000_000],
        ['12:00:01', 50.5, 50.5],
        ['12:00:02', 50.5, 50.6],
      ] as const) {
        await setMaxAccuracy(meters);
        await scene.report(scene.yesterday(time), { horizontalAccuracy });
      }
      await setMaxAccuracy(1000);
      expect((await scene.history()).raw.map(({ imprecise }) => imprecise)).toEqual([
        false, true, true, false, false, true,
      ]); // prettier-ignore
    });
  });
});
