import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../test/support/random.js';
import type { Scene } from './clients.js';

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

/** Starts the clients that ask over GraphQL; they end when the soak is over. */
export function startReaders(scene: Scene): Promise<void>[] {
  return Array.from({ length: READERS }, (_, n) => read(scene, scene.maker(100 + n).random));
}

async function read(scene: Scene, random: Random): Promise<void> {
  const { api, record, fleet } = scene;
  const trackers = Object.values(fleet).flat();
  /** What this client was told of the newest report of a tracker: it may not become older. */
  const newest = new Map<string, string>();
  while (!scene.isOver()) {
    const hadFaults = scene.faultsAreOn();
    const { id } = random.pick(trackers);
    const asked = random.int(6);
    const answer = await ask(asked);
    record.count(`reads: ${answer.kind}`);
    if (answer.kind === 'ok') {
      if (asked === 0) compare(id, answer.body as Latest);
    } else if (answer.kind === 'wrong') record.fail('a query was answered with an error', answer.detail);
    else if (!hadFaults && !scene.faultsAreOn())
      record.fail('a query failed though there was no fault', answer);
    await sleep(PAUSE_MS * (0.5 + random.next()), undefined, { signal: scene.signal });

    function ask(which: number): ReturnType<typeof api.query> {
      const to = new Date();
      const range = (hours: number, size: string): ReturnType<typeof api.query> =>
        api.query(random, RANGE, { id, from: new Date(to.getTime() - hours * HOUR), to, size });
      if (which === 0) return api.query(random, LATEST, { id });
      if (which === 1) return range(24, '1 hour');
      if (which === 2) return range(70 * 24, '1 day');
      if (which === 3) return api.query(random, FLEET);
      if (which === 4)
        return api.query(random, SEARCH, {
          name: random.pick(['live', 'phone', '1']),
          after: new Date(Date.now() - HOUR),
        });
      return api.query(random, NEAR, { latitude: random.int(120) - 60, longitude: random.int(360) - 180 });
    }
  }

  function compare(id: string, { tracker }: Latest): void {
    const at = tracker.latestLocation?.lastReportAt;
    const before = newest.get(id);
    if (before !== undefined && (at === undefined || at < before))
      record.fail('the newest report of a tracker became older', { id, before, at: at ?? null });
    else if (at !== undefined) newest.set(id, at);
  }
}
