import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ANSWER_FIELDS,
  type AnswerRow,
  type Boundaries,
  gapsBetween,
  historyAt,
  type OracleRow,
  overlapping,
  type Resolution,
  toAnswerRow,
  thinned,
} from '../support/history-answers.js';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { MOTIONS, type TestReport, utcDay } from '../support/history-oracle.js';
import { ingestReports } from '../support/reports.js';
import { boundaries, historyToday } from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** A failure names its seed and path; RANDOM_SEED=… runs another one. */
const SEED = Number(process.env['RANDOM_SEED'] ?? 7);
const RUNS = 12;

/** A time, in minutes after the start of the day 12 days ago; the last of them are in the future. */
const minute = fc.integer({ min: 0, max: 13 * 24 * 60 });
const report = fc.record(
  {
    minute: fc.oneof(minute, fc.integer({ min: 9 * 24 * 60, max: 13 * 24 * 60 })),
    latitude: fc.integer({ min: -90_000, max: 90_000 }).map((n) => n / 1000),
    longitude: fc.integer({ min: -180_000, max: 180_000 }).map((n) => n / 1000),
    confidence: fc.integer({ min: 0, max: 255 }),
    accuracy: fc.integer({ min: 0, max: 1500 }),
    city: fc.constantFrom('Oslo', 'Łódź', "L'Aquila"),
    altitude: fc.integer({ min: -12_000, max: 100_000 }),
    speed: fc.integer({ min: 0, max: 8000 }).map((n) => n / 8),
    course: fc.integer({ min: 0, max: 2879 }).map((n) => n / 8),
    battery: fc.integer({ min: 0, max: 100 }),
    motion: fc.constantFrom(...MOTIONS),
  },
  { requiredKeys: ['minute', 'latitude', 'longitude'] },
);
const range = fc.tuple(
  fc.integer({ min: -3 * 24 * 60, max: 13 * 24 * 60 }),
  fc.integer({ min: 1, max: 16 * 24 * 60 }),
);
const question = fc.record({
  range: fc.oneof(range, fc.tuple(minute, fc.integer({ min: 1, max: 12 * 60 }))),
  resolution: fc.constantFrom('AUTO', 'RAW', 'HOURLY', 'DAILY'),
  zone: fc.constantFrom(
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kathmandu',
    'Pacific/Kiritimati',
    'Africa/Abidjan',
  ),
  maxPoints: fc.integer({ min: 1, max: 40 }),
  gapSeconds: fc.integer({ min: 60, max: 100_000 }),
  first: fc.integer({ min: 7, max: 30 }),
  direction: fc.constantFrom('ASC', 'DESC'),
});
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

describeOnEveryEngine('for random reports and questions', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let now = 0;
  let trackers = 0;
  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    api = await Api.start(db);
    now = Date.now();
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  it('every answer equals a straightforward computation', async () => {
    const first = utcDay(await historyToday(db), -12).getTime();
    const kept = await boundaries(db);
    await fc.assert(
      fc.asyncProperty(
        fc.array(report, { maxLength: 80 }),
        fc.array(question, { minLength: 2, maxLength: 4 }),
        async (given, questions) => {
          const key = `random ${++trackers}`;
          const id = await db.register(key);
          const reports: TestReport[] = given
            .map(({ minute: m, ...rest }) => ({ key, at: new Date(first + m * MINUTE), ...rest }))
            .filter(
              ({ at, latitude, longitude }) => at.getTime() < now && (latitude !== 0 || longitude !== 0),
            );
          await ingestReports(db, reports);
          await db.settle();
          const tracker = new AskedTracker(api, id, reports, kept);
          for (const asked of questions) {
            const from = new Date(first + asked.range[0] * MINUTE);
            await tracker.check(asked, from, new Date(from.getTime() + asked.range[1] * MINUTE));
          }
        },
      ),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
  });

  it('reports of the same second have ids of their own', async () => {
    const id = await db.register('burst');
    const second = Math.floor(now / 1000) * 1000 - MINUTE;
    const reports = [0, 1, 250, 999].map((ms) => ({
      key: 'burst',
      at: new Date(second + ms),
      latitude: 1,
      longitude: 2,
    }));
    await ingestReports(db, reports);
    const ids = ['000', '001', '250', '999'].map((ms) => `${id}:raw:${second / 1000}.${ms}`);
    const { range, walk } = await api.data<Record<'range' | 'walk', { rows: { id: string }[] }>>(
      `query ($id: ID!, $from: DateTime!, $to: DateTime!) {
         range: locationHistory(trackerId: $id, startTime: $from, endTime: $to, resolution: RAW) { rows { id } }
         walk: locationHistoryConnection(trackerIds: [$id], startTime: $from, endTime: $to, resolution: RAW) {
           rows: nodes { id }
         }
       }`,
      { id, from: new Date(second), to: new Date(second + 1000) },
    );
    expect(range.rows.map((row) => row.id)).toEqual(ids);
    expect(walk.rows.map((row) => row.id)).toEqual(ids);
  });
});

/** A tracker whose answers are compared with answers computed from its reports. */
class AskedTracker {
  constructor(
    private readonly api: Api,
    private readonly id: string,
    private readonly reports: readonly TestReport[],
    private readonly kept: Boundaries,
  ) {}

  async check(asked: Question, from: Date, to: Date): Promise<void> {
    await this.checkLists(asked, from, to);
    await this.checkRange(asked, from, to);
    await this.checkWalk(asked, from, to);
  }

  private rows(resolution: Resolution, zone?: string): OracleRow[] {
    return historyAt(this.reports, resolution, this.kept, zone);
  }

  /** Checks the list queries, and the lists below a tracker. */
  private async checkLists({ zone, first }: Question, from: Date, to: Date): Promise<void> {
    const answer = await this.api.data<
      Record<'hours' | 'days' | 'zoneDays' | 'mixed' | 'newest', AnswerRow[]> & {
        tracker: { latestLocation: AnswerRow | null; locationHistory: AnswerRow[] };
      }
    >(
      `query ($id: ID!, $from: DateTime!, $to: DateTime!, $zone: String!, $first: Int!) {
         hours: locationHistoryAggregated(trackerId: $id, startTime: $from, endTime: $to, bucketSize: "1 hour") { ${ANSWER_FIELDS} }
         days: locationHistoryAggregated(trackerId: $id, startTime: $from, endTime: $to, bucketSize: "1 day") { ${ANSWER_FIELDS} }
         zoneDays: locationHistoryAggregated(trackerId: $id, startTime: $from, endTime: $to, bucketSize: "1 day", timeZone: $zone) { ${ANSWER_FIELDS} }
         mixed: locationHistoryByTimeRange(trackerId: $id, startTime: $from, endTime: $to) { ${ANSWER_FIELDS} }
         newest: locationHistoryByTracker(trackerId: $id, limit: $first) { ${ANSWER_FIELDS} }
         tracker(id: $id) {
           latestLocation { ${ANSWER_FIELDS} }
           locationHistory(startTime: $from, endTime: $to, first: $first) { ${ANSWER_FIELDS} }
         }
       }`,
      { id: this.id, from, to, zone, first },
    );
    const hourly = this.rows('HOURLY');
    const mixed = overlapping(hourly, from, to);
    expect(answer).toEqual({
      hours: mixed.filter(({ bucketSize }) => bucketSize === '1 hour').map(toAnswerRow),
      days: overlapping(this.rows('DAILY'), from, to).map(toAnswerRow),
      zoneDays: overlapping(this.rows('DAILY', zone), from, to).map(toAnswerRow),
      mixed: mixed.map(toAnswerRow),
      newest: hourly.reverse().slice(0, first).map(toAnswerRow),
      tracker: {
        latestLocation: hourly[0] ? toAnswerRow(hourly[0]) : null,
        locationHistory: mixed.reverse().slice(0, first).map(toAnswerRow),
      },
    });
  }

  /** Checks the range query for maps: resolution, thinning, gaps. */
  private async checkRange(asked: Question, from: Date, to: Date): Promise<void> {
    const zone = asked.resolution === 'DAILY' ? asked.zone : undefined;
    const { range: answer } = await this.api.data<{
      range: {
        resolution: string;
        thinned: boolean;
        rowsInRange: number;
        rows: AnswerRow[];
        gaps: { startTime: string; endTime: string; reason: string }[];
      };
    }>(
      `query ($id: ID!, $from: DateTime!, $to: DateTime!, $resolution: HistoryResolution!, $zone: String, $maxPoints: Int!, $gapSeconds: Int!) {
         range: locationHistory(trackerId: $id, startTime: $from, endTime: $to, resolution: $resolution, timeZone: $zone,
           maxPoints: $maxPoints, gapSeconds: $gapSeconds) {
           resolution thinned rowsInRange rows { ${ANSWER_FIELDS} } gaps { startTime endTime reason }
         }
       }`,
      { ...asked, id: this.id, from, to, zone },
    );
    const length = Math.min(to.getTime(), Date.now()) - from.getTime();
    const byLength = length > 7 * DAY ? 'DAILY' : length > DAY / 4 ? 'HOURLY' : 'RAW';
    const resolution = asked.resolution === 'AUTO' ? byLength : asked.resolution;
    const rows = overlapping(this.rows(resolution, zone), from, to);
    const gaps = gapsBetween(rows, from.getTime(), Math.min(to.getTime(), Date.now()), asked.gapSeconds);
    expect(answer).toMatchObject({
      resolution,
      rowsInRange: rows.length,
      thinned: rows.length > asked.maxPoints,
      rows: thinned(rows, asked.maxPoints).map(toAnswerRow),
    });
    // The gap that is still open ends now.
    const aMomentAgo = Date.now() - MINUTE;
    const answered = answer.gaps.map(({ startTime, endTime }) => [
      Date.parse(startTime),
      Date.parse(endTime),
    ]);
    const ended = (spans: readonly (readonly number[])[]): number[][] =>
      spans.map(([start = 0, end = 0]) => [start, Math.min(end, aMomentAgo)]);
    if (gaps.length <= asked.maxPoints) expect(ended(answered)).toEqual(ended(gaps));
    else {
      const longest = [...gaps].sort((a, b) => b[1] - b[0] - (a[1] - a[0])).slice(0, 1);
      expect(ended(answered)).toEqual(expect.arrayContaining(ended(longest)));
      expect(ended(gaps)).toEqual(expect.arrayContaining(ended(answered)));
      expect(answered.length).toBeGreaterThanOrEqual(asked.maxPoints);
    }
    expect(answer.gaps.every(({ reason }) => reason === 'NO_REPORTS')).toBe(true);
  }

  /** Checks that pages contain the same rows as one answer. */
  private async checkWalk(asked: Question, from: Date, to: Date): Promise<void> {
    const resolution = asked.resolution === 'AUTO' ? 'HOURLY' : asked.resolution;
    const walked: AnswerRow[] = [];
    let after: string | null = null;
    for (let more = true; more;) {
      const page: { nodes: AnswerRow[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } = (
        await this.api.data<{ page: typeof page }>(
          `query ($id: ID!, $from: DateTime!, $to: DateTime!, $resolution: HistoryResolution!, $direction: OrderDirection!, $first: Int!, $after: String) {
             page: locationHistoryConnection(trackerIds: [$id], startTime: $from, endTime: $to, resolution: $resolution,
               direction: $direction, first: $first, after: $after) {
               nodes { ${ANSWER_FIELDS} } pageInfo { hasNextPage endCursor }
             }
           }`,
          { id: this.id, from, to, resolution, direction: asked.direction, first: asked.first, after },
        )
      ).page;
      expect(page.nodes.length).toBeLessThanOrEqual(asked.first);
      walked.push(...page.nodes);
      after = page.pageInfo.endCursor;
      more = page.pageInfo.hasNextPage;
    }
    const rows = overlapping(this.rows(resolution), from, to).map(toAnswerRow);
    expect(walked).toEqual(asked.direction === 'ASC' ? rows : rows.reverse());
  }
}
