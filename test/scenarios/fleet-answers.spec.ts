import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ANSWER_FIELDS,
  type AnswerRow,
  historyAt,
  metresBetween,
  type OracleRow,
  toAnswerRow,
} from '../support/history-answers.js';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { ingestReports } from '../support/reports.js';
import { Random } from '../support/random.js';
import { boundaries, historyToday } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { TestDatabase } from '../support/test-database.js';

const SEED = Number(process.env['RANDOM_SEED'] ?? 11);
const RUNS = 25;
const FLEET = 60;
const STATUSES = ['CREATED', 'IN_TRANSIT', 'IN_STORAGE', 'DELIVERED'] as const;
const CITIES = ['London', 'Łódź', "L'Aquila", 'Tōkyō', 'oslo'];

interface Tracker {
  id: string;
  name: string;
  status: string;
  createdAt: number;
  /** Rows of history, oldest first: days before the cut, hours after it. */
  rows: OracleRow[];
  latest: OracleRow | undefined;
}

const longitude = fc.integer({ min: -180, max: 180 });
const latitude = fc.integer({ min: -90, max: 90 });
const filter = fc.record(
  {
    name: fc.constantFrom('1', 'TRACKER 2', 'a%', '_', 'Ü'),
    currentStatuses: fc.subarray([...STATUSES]),
    box: fc
      .tuple(latitude, latitude, longitude, longitude)
      .map(([a, b, west, east]) => ({ south: Math.min(a, b), north: Math.max(a, b), west, east })),
    city: fc.constantFrom(...CITIES, 'LONDON'),
    seenAfter: fc.integer({ min: 0, max: 12 }),
    seenBefore: fc.integer({ min: 0, max: 12 }),
  },
  { requiredKeys: [] },
);
type Filter = typeof filter extends fc.Arbitrary<infer T> ? T : never;

describeOnEveryEngine('for a random fleet', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let fleet: Tracker[];
  let dayZero: Date;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    api = await Api.start(db);
    const today = await historyToday(db);
    dayZero = at(today, -12, '00:00:00');
    fleet = await makeFleet(db, today);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  const matches = (tracker: Tracker, asked: Filter): boolean => {
    const { name, status, latest } = tracker;
    const seen = latest ? Date.parse(latest.lastReportAt) : undefined;
    const boundary = (day: number): number => dayZero.getTime() + day * 86_400_000;
    const place = latest?.location;
    return (
      (asked.name === undefined || name.toLowerCase().includes(asked.name.toLowerCase())) &&
      (asked.currentStatuses === undefined || asked.currentStatuses.some((one) => one === status)) &&
      (asked.city === undefined || latest?.nearestCity?.toLowerCase() === asked.city.toLowerCase()) &&
      (asked.seenAfter === undefined || (seen !== undefined && seen >= boundary(asked.seenAfter))) &&
      (asked.seenBefore === undefined || (seen !== undefined && seen < boundary(asked.seenBefore))) &&
      (asked.box === undefined || (place !== undefined && isWithin(place, asked.box)))
    );
  };
  const input = ({ seenAfter, seenBefore, ...asked }: Filter): Record<string, unknown> => ({
    ...asked,
    ...(seenAfter !== undefined && { lastSeenAfter: at(dayZero, seenAfter, '00:00:00') }),
    ...(seenBefore !== undefined && { lastSeenBefore: at(dayZero, seenBefore, '00:00:00') }),
  });

  it('trackersConnection equals a filter and a sort', async () => {
    await fc.assert(
      fc.asyncProperty(
        filter,
        fc.constantFrom('NAME', 'CREATED_AT', 'LAST_SEEN'),
        fc.constantFrom('ASC', 'DESC'),
        fc.integer({ min: 1, max: FLEET }),
        async (asked, field, direction, first) => {
          const found: string[] = [];
          let after: string | null = null;
          let total = 0;
          for (let more = true; more;) {
            const { page }: { page: TrackerPage } = await api.data(
              `query ($first: Int!, $after: String, $orderBy: TrackerOrder, $filter: TrackerFilter) {
                 page: trackersConnection(first: $first, after: $after, orderBy: $orderBy, filter: $filter) {
                   totalCount edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } }`,
              { first, after, orderBy: { field, direction }, filter: input(asked) },
            );
            expect(page.edges.at(-1)?.cursor ?? null).toBe(page.pageInfo.endCursor);
            expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
            found.push(...page.edges.map(({ node }) => node.id));
            total = page.totalCount;
            after = page.pageInfo.endCursor;
            more = page.pageInfo.hasNextPage;
          }
          const expected = fleet.filter((tracker) => matches(tracker, asked));
          const key = ({ createdAt, latest }: Tracker): number =>
            field === 'CREATED_AT' ? createdAt : latest ? Date.parse(latest.lastReportAt) : -Infinity;
          const ids = (some: Tracker[]): string[] => some.map(({ id }) => id);
          if (field === 'NAME') {
            // The database decides how text is sorted; the order of these few names is known.
            expect([...found].sort()).toEqual(ids(expected).sort());
          } else {
            expected.sort((a, b) => Math.sign(key(a) - key(b)) || Number(a.id) - Number(b.id));
            expect(found).toEqual(ids(direction === 'ASC' ? expected : expected.reverse()));
          }
          expect(total).toBe(expected.length);
        },
      ),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
  });

  it('latestLocation equals the newest row of each tracker', async () => {
    const { trackers } = await api.data<{ trackers: { id: string; latestLocation: AnswerRow | null }[] }>(
      `{ trackers { id latestLocation { ${ANSWER_FIELDS} } } }`,
    );
    expect(new Map(trackers.map(({ id, latestLocation }) => [id, latestLocation]))).toEqual(
      new Map(fleet.map(({ id, latest }) => [id, latest ? toAnswerRow(latest) : null])),
    );
  });

  it('trackersNear equals the distance to each tracker', async () => {
    await fc.assert(
      fc.asyncProperty(
        latitude,
        longitude,
        fc.integer({ min: 0, max: 20_037_508 }),
        fc.integer({ min: 1, max: FLEET }),
        async (lat, lon, radiusMeters, limit) => {
          const { near } = await api.data<{ near: { distanceMeters: number; tracker: { id: string } }[] }>(
            `query ($lat: Float!, $lon: Float!, $radiusMeters: Float!, $limit: Int!) {
               near: trackersNear(latitude: $lat, longitude: $lon, radiusMeters: $radiusMeters, limit: $limit) {
                 distanceMeters tracker { id } } }`,
            { lat, lon, radiusMeters, limit },
          );
          const expected = fleet
            .flatMap(({ id, latest }) =>
              latest
                ? [{ id, metres: metresBetween({ latitude: lat, longitude: lon }, latest.location) }]
                : [],
            )
            .filter(({ metres }) => metres <= radiusMeters)
            .sort((a, b) => a.metres - b.metres)
            .slice(0, limit);
          expect(near.map(({ tracker }) => tracker.id)).toEqual(expected.map(({ id }) => id));
          for (const [i, { distanceMeters }] of near.entries()) {
            expect(distanceMeters).toBeCloseTo(expected[i]?.metres ?? NaN, 1);
          }
        },
      ),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
  });

  it('recentLocationHistory equals the newest of all rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1000 }),
        fc.option(fc.subarray([...STATUSES]), { nil: null }),
        async (limit, currentStatuses) => {
          const { recent } = await api.data<{ recent: { lastReportAt: string; tracker: { id: string } }[] }>(
            `query ($limit: Int!, $currentStatuses: [TrackerStatus!]) {
               recent: recentLocationHistory(limit: $limit, currentStatuses: $currentStatuses) { lastReportAt tracker { id } } }`,
            { limit, currentStatuses },
          );
          const expected = fleet
            .filter(({ status }) => currentStatuses?.some((one) => one === status) ?? true)
            .flatMap(({ id, rows }) => rows.map(({ lastReportAt }) => ({ lastReportAt, tracker: { id } })))
            .sort((a, b) => (a.lastReportAt < b.lastReportAt ? 1 : -1))
            .slice(0, limit);
          expect(recent).toEqual(expected);
        },
      ),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
  });
});

interface TrackerPage {
  totalCount: number;
  edges: { cursor: string; node: { id: string } }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; endCursor: string | null };
}

function isWithin(
  place: { latitude: number; longitude: number },
  box: { south: number; north: number; west: number; east: number },
): boolean {
  const { south, north, west, east } = box;
  const { latitude: lat, longitude: lon } = place;
  if (lat < south || lat > north) return false;
  return west <= east ? lon >= west && lon <= east : lon >= west || lon <= east;
}

/** Trackers with reports of today, of earlier days only, or without any. */
async function makeFleet(db: TestDatabase, today: Date): Promise<Tracker[]> {
  const random = new Random(SEED);
  const kept = await boundaries(db);
  const fleet: Tracker[] = [];
  for (let i = 0; i < FLEET; i++) {
    const name = random.pick([`tracker ${i}`, `Über ${i}`, `A%_${i}`]);
    const status = random.pick(STATUSES);
    const createdAt = at(today, -random.int(400), '12:00:00');
    const id = String(
      await db.value(
        'INSERT INTO trackers (name, hashed_adv_key, current_status, created_at) VALUES ($1, $2, $3, $4) RETURNING id',
        [name, `key ${i}`, status, createdAt],
      ),
    );
    const [from, to] = random.pick([
      [-2, 0],
      [-11, 0],
      [-11, -3],
    ] as const);
    const reports = random.oneIn(6)
      ? []
      : random.reports(
          1 + random.int(30),
          [`key ${i}`],
          at(today, from, '00:00:00'),
          at(today, to, '00:00:00'),
        );
    await ingestReports(db, reports);
    const rows = historyAt(reports, 'HOURLY', kept);
    fleet.push({ id, name, status, createdAt: createdAt.getTime(), rows, latest: rows.at(-1) });
  }
  await db.settle();
  return fleet;
}
