import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../test/support/random.js';
import type { SoakContext } from './context.js';

const READERS = 20;
const PAUSE_MS = 1500;
const HOUR = 3_600_000;

const ROW = 'timestamp bucketSize lastReportAt reportCount nearestCity location { latitude longitude }';
const RANGE = `query ($id: ID!, $from: DateTime!, $to: DateTime!, $size: String!) {
  locationHistoryAggregated(trackerId: $id, startTime: $from, endTime: $to, bucketSize: $size) { ${ROW} } }`;
const LATEST = `query ($id: ID!) { tracker(id: $id) { latestLocation { ${ROW} } } }`;
const FLEET = `{ trackersConnection(first: 100, orderBy: { field: LAST_SEEN, direction: DESC }) {
  nodes { id name latestLocation { ${ROW} } } } }`;
const SEARCH = `query ($name: String!, $after: DateTime!) {
  trackersConnection(first: 20, filter: { name: $name, lastSeenAfter: $after }) { nodes { id name } } }`;
const NEAR = `query ($latitude: Float!, $longitude: Float!) {
  trackersNear(latitude: $latitude, longitude: $longitude, radiusMeters: 3000000) { distanceMeters tracker { id } } }`;

interface Latest {
  tracker: { latestLocation: { lastReportAt: string } | null };
}

interface Query {
  text: string;
  variables: (random: Random, trackerId: string) => Record<string, unknown>;
}

const rangeQuery = (hours: number, size: string): Query => ({
  text: RANGE,
  variables: (_, id) => ({ id, from: new Date(Date.now() - hours * HOUR), to: new Date(), size }),
});

const LATEST_QUERY: Query = { text: LATEST, variables: (_, id) => ({ id }) };
const QUERIES: readonly Query[] = [
  LATEST_QUERY,
  rangeQuery(24, '1 hour'),
  rangeQuery(70 * 24, '1 day'),
  { text: FLEET, variables: () => ({}) },
  {
    text: SEARCH,
    variables: (random) => ({
      name: random.pick(['live', 'phone', '1']),
      after: new Date(Date.now() - HOUR),
    }),
  },
  {
    text: NEAR,
    variables: (random) => ({ latitude: random.int(120) - 60, longitude: random.int(360) - 180 }),
  },
];

/** Starts the clients that query GraphQL; they end when the soak is over. */
export function startReaders(context: SoakContext): Promise<void>[] {
  return Array.from({ length: READERS }, (_, n) => read(context, context.random(100 + n)));
}

async function read(context: SoakContext, random: Random): Promise<void> {
  const { api, record, fleet } = context;
  const trackers = Object.values(fleet).flat();
  /** Time of the newest report that this client has seen, by tracker; it must never go back. */
  const newest = new Map<string, string>();
  while (!context.isOver()) {
    const hadFaults = context.faultsAreActive();
    const { id } = random.pick(trackers);
    const query = random.pick(QUERIES);
    const answer = await api.query(random, query.text, query.variables(random, id));
    record.count(`reads: ${answer.kind}`);
    if (answer.kind === 'ok') {
      if (query === LATEST_QUERY) checkLatest(id, answer.body as Latest);
    } else if (answer.kind === 'unexpected') record.fail('a query failed', answer.detail);
    else if (!hadFaults && !context.faultsAreActive())
      record.fail('a query failed although there was no fault', answer);
    await sleep(PAUSE_MS * (0.5 + random.next()), undefined, { signal: context.signal });
  }

  function checkLatest(id: string, { tracker }: Latest): void {
    const at = tracker.latestLocation?.lastReportAt;
    const before = newest.get(id);
    if (before !== undefined && (at === undefined || at < before))
      record.fail('the newest report of a tracker became older', { id, before, at: at ?? null });
    else if (at !== undefined) newest.set(id, at);
  }
}
