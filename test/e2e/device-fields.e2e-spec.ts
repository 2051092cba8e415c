import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { Api } from '../support/api.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { LiveClient } from '../support/live.js';
import { at, historyToday } from '../support/scenario.js';
import { eventually, onceShown } from '../support/shown.js';
import { TestDatabase } from '../support/test-database.js';

const DEVICE = 'altitude speed course battery motion imprecise';
const PLACE = 'location { latitude longitude } horizontalAccuracy';
const HISTORY = `bucketSize ${PLACE} ${DEVICE} locatedAt lastReportAt reportCount`;
const CREATE = `mutation ($input: CreateLocationReportInput!) { createLocationReport(input: $input) { outcome } }`;

/** What a phone says beside the place, as the API shows it. */
const SAID = { altitude: 34.5, speed: 12.25, course: 271.5, battery: 79, motion: 'CYCLING' };
const NOTHING_SAID = { altitude: null, speed: null, course: null, battery: null, motion: null };

interface Row {
  bucketSize: string;
  location: { latitude: number; longitude: number };
  imprecise: boolean;
  locatedAt: string;
  lastReportAt: string;
  reportCount: number;
}

describeOnEveryEngine('what devices say beside the place', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let today: Date;
  let id = '';
  let name = '';
  let count = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    today = await historyToday(db);
    api = await Api.start(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });
  beforeEach(async () => {
    name = `device ${++count}`;
    id = await db.register(name);
  });

  const yesterday = (time: string): Date => at(today, -1, time);
  const create = (time: Date, more: Record<string, unknown> = {}): Promise<unknown> =>
    api.data(CREATE, { input: { trackerId: id, timestamp: time, latitude: 52.5, longitude: 13.4, ...more } });

  /** The tracker's history from the day before yesterday on, in every form in which the API has it. */
  async function history(): Promise<
    Record<'raw' | 'hours' | 'days' | 'zoneDays' | 'walk' | 'newest', Row[]>
  > {
    const answer = await api.data<Record<string, Row[] | { rows: Row[] }>>(
      `query ($id: ID!, $from: DateTime!, $to: DateTime!) {
         raw: locationHistory(trackerId: $id, startTime: $from, endTime: $to, resolution: RAW) { rows { ${HISTORY} } }
         hours: locationHistoryByTimeRange(trackerId: $id, startTime: $from, endTime: $to) { ${HISTORY} }
         days: locationHistoryAggregated(trackerId: $id, startTime: $from, endTime: $to, bucketSize: "1 day") { ${HISTORY} }
         zoneDays: locationHistory(trackerId: $id, startTime: $from, endTime: $to, timeZone: "UTC") { rows { ${HISTORY} } }
         walk: locationHistoryConnection(trackerIds: [$id]) { rows: nodes { ${HISTORY} } }
         newest: locationHistoryByTracker(trackerId: $id) { ${HISTORY} }
       }`,
      { id, from: at(today, -2, '00:00:00'), to: at(today, 1, '00:00:00') },
    );
    return Object.fromEntries(
      Object.entries(answer).map(([part, rows]) => [part, Array.isArray(rows) ? rows : rows.rows]),
    ) as Awaited<ReturnType<typeof history>>;
  }
  async function latest(): Promise<Row> {
    const { tracker } = await api.data<{ tracker: { latestLocation: Row } }>(
      `query ($id: ID!) { tracker(id: $id) { latestLocation { ${HISTORY} } } }`,
      { id },
    );
    return tracker.latestLocation;
  }
  /** A file of the export, of the raw reports or of the history of the last days. */
  async function download(format: string, detail: 'reports' | 'history'): Promise<string> {
    const response = await request(api.server)
      .get(`/export/history.${format}`)
      .query({
        trackerId: id,
        startTime: at(today, -2, '00:00:00').toISOString(),
        endTime: at(today, 1, '00:00:00').toISOString(),
        detail,
      })
      .buffer(true)
      .parse((answer, done) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('end', () => done(null, Buffer.concat(pieces).toString()));
      });
    expect(response.status).toBe(200);
    return response.body as string;
  }
  const lines = async (detail: 'reports' | 'history'): Promise<unknown[]> =>
    (await download('ndjson', detail))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  /** Checks that the tracker's only report, of yesterday, is everywhere with what its device said. */
  async function expectEverywhere(time: Date, said: Record<string, unknown>): Promise<void> {
    const shown = { ...said, imprecise: false, locatedAt: time.toISOString(), reportCount: 1 };
    await onceShown(engine, async () => {
      const { raw, hours, days, zoneDays, walk, newest } = await history();
      expect(raw).toMatchObject([{ ...shown, bucketSize: 'raw' }]);
      for (const rows of [hours, walk, newest])
        expect(rows).toMatchObject([{ ...shown, bucketSize: '1 hour' }]);
      for (const rows of [days, zoneDays]) expect(rows).toMatchObject([{ ...shown, bucketSize: '1 day' }]);
      expect(await latest()).toMatchObject(shown);
    });
    await db.settle();
    const motion = said['motion'] as string | null;
    const known = Object.entries({ ...said, motion: motion?.toLowerCase() ?? null }).filter(
      ([, value]) => value !== null,
    );
    const exported = { ...Object.fromEntries(known), timestamp: time.toISOString(), imprecise: false };
    for (const detail of ['reports', 'history'] as const) {
      expect(await lines(detail)).toEqual([expect.objectContaining(exported)]);
    }
  }

  describe('by createLocationReport', () => {
    it('is in every answer and every export', async () => {
      const time = yesterday('10:15:00.123');
      expect(await create(time, SAID)).toEqual({ createLocationReport: { outcome: 'STORED' } });
      await expectEverywhere(time, SAID);
    });

    it('may be missing', async () => {
      const time = yesterday('10:15:00');
      await create(time, { battery: null });
      await expectEverywhere(time, NOTHING_SAID);
    });

    it.each([
      [{ altitude: 100_001 }, 'altitude must be between -12000 and 100000 metres (got 100001)'],
      [{ speed: -0.5 }, 'speed must be between 0 and 1000 metres per second (got -0.5)'],
      [{ course: 360 }, 'course must be at least 0 and below 360 degrees (got 360)'],
      [{ battery: 101 }, 'battery must be between 0 and 100 percent (got 101)'],
      [{ latitude: 91, confidence: 256 }, 'latitude must be between -90 and 90 degrees (got 91); confidence must be between 0 and 255 (got 256)'],
      [{ horizontalAccuracy: -1 }, 'horizontalAccuracy must be between 0 and 20037508 metres (got -1)'],
    ])('refuses %j, and says what is allowed', async (wrong, message) => {
      const input = { trackerId: id, timestamp: yesterday('10:00:00'), latitude: 1, longitude: 2, ...wrong };
      expect(await api.error(CREATE, { input })).toMatchObject({
        message,
        extensions: { code: 'BAD_USER_INPUT', argument: 'input', reason: 'out_of_range' },
      });
      expect((await history()).raw).toEqual([]);
    }); // prettier-ignore

    it.each([
      [{ motion: 'FLYING' }, /"FLYING" at "input.motion".*"Motion" enum/],
      [{ motion: 'cycling' }, /"cycling" at "input.motion".*"CYCLING"/],
      [{ battery: 50.5 }, /50.5 at "input.battery".*non-integer/],
      [{ speed: '12' }, /"12" at "input.speed".*Float/],
    ])('refuses %j, which is of another type', async (wrong, message) => {
      const input = { trackerId: id, timestamp: yesterday('10:00:00'), latitude: 1, longitude: 2, ...wrong };
      const { errors } = await api.ask(CREATE, { input });
      expect(errors).toMatchObject([{ message: expect.stringMatching(message) }]);
    });
  });

  describe('of imprecise reports', () => {
    const [precise, imprecise] = [{ horizontalAccuracy: 1000 }, { horizontalAccuracy: 1000.5 }];
    const [EARLY, LATE, LATER] = ['10:10:00', '10:20:00', '11:30:00'] as const;

    beforeEach(async () => {
      await create(yesterday(EARLY), { ...precise, ...SAID });
      await create(yesterday(LATE), { ...imprecise, latitude: 53, battery: 78 });
      await create(yesterday(LATER), { ...imprecise, latitude: 54, battery: 77 });
    });
    const time = (of: string): string => yesterday(of).toISOString();

    it('is shown only where there is no precise one', async () => {
      const preciseRow = { ...SAID, horizontalAccuracy: 1000, imprecise: false, locatedAt: time(EARLY) };
      await onceShown(engine, async () => {
        const { raw, hours, days, zoneDays } = await history();
        expect(raw).toMatchObject([
          { locatedAt: time(EARLY), battery: 79, imprecise: false },
          { locatedAt: time(LATE), battery: 78, imprecise: true },
          { locatedAt: time(LATER), battery: 77, imprecise: true },
        ]);
        expect(hours).toMatchObject([
          { ...preciseRow, lastReportAt: time(LATE), reportCount: 2 },
          {
            ...NOTHING_SAID,
            battery: 77,
            imprecise: true,
            locatedAt: time(LATER),
            lastReportAt: time(LATER),
          },
        ]);
        for (const rows of [days, zoneDays]) {
          expect(rows).toMatchObject([{ ...preciseRow, lastReportAt: time(LATER), reportCount: 3 }]);
        }
        expect(await latest()).toMatchObject({ location: { latitude: 54 }, imprecise: true });
      });
    });

    it('says so in exports, whose time is that of the place', async () => {
      await db.settle();
      expect(await lines('history')).toEqual([
        expect.objectContaining({
          timestamp: time(EARLY), locatedAt: time(EARLY), lastReportAt: time(LATE), latitude: 52.5, imprecise: false,
        }),
        expect.objectContaining({
          timestamp: time(LATER), locatedAt: time(LATER), lastReportAt: time(LATER), latitude: 54, imprecise: true,
        }),
      ]); // prettier-ignore
      expect(await lines('reports')).toMatchObject([
        { latitude: 52.5, imprecise: false },
        { latitude: 53, imprecise: true },
        { latitude: 54, imprecise: true },
      ]);
    });
  });

  describe('in live updates', () => {
    let client: LiveClient;
    beforeEach(() => {
      client = new LiveClient(api.server);
    });
    afterEach(() => client.close());

    it('comes with each of them', async () => {
      const { seen, errors } = client.run(
        `subscription ($ids: [ID!]!, $since: DateTime) {
           locationUpdated(trackerIds: $ids, since: $since) { timestamp ${PLACE} ${DEVICE} } }`,
        { ids: [id], since: yesterday('00:00:00').toISOString() },
      );
      await create(yesterday('10:00:00'), SAID);
      await create(yesterday('10:01:00'), { horizontalAccuracy: 2000 });
      await eventually(() => expect(seen).toHaveLength(2));
      expect(errors).toEqual([]);
      expect(seen).toMatchObject([
        { ...SAID, imprecise: false },
        { ...NOTHING_SAID, horizontalAccuracy: 2000, imprecise: true },
      ]);
    });
  });
});
