import type { Random } from './random.js';
import { sealReport, type SeenTracker } from '../../src/find-my/testing/seal-report.js';
import type { FakeFindMy } from './fake-find-my.js';
import type { TestReport } from './history-oracle.js';
import type { KeyPair } from './key-files.js';

/** What the tests' private keys are encrypted with. */
export const ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');

/** The environment of a process that fetches from the fake endpoint, as fast as that answers. */
export function fetchingFrom(fake: FakeFindMy): Record<string, string> {
  return {
    FIND_MY_ENDPOINT_URL: fake.url,
    FIND_MY_MIN_INTERVAL_MS: '0',
    FIND_MY_TIMEOUT_MS: '1000',
    TRACKER_KEY_ENCRYPTION_KEY: ENCRYPTION_KEY,
  };
}

/** Lets finders see a tracker: the endpoint has the report then. */
export function see(fake: FakeFindMy, pair: KeyPair, seen: Partial<SeenTracker> & { at: Date }): void {
  const payload = sealReport(pair.advertisementKey, {
    confidence: 2,
    latitude: 51.5,
    longitude: -0.12,
    accuracy: 40,
    status: 0,
    ...seen,
  });
  fake.reports.push({
    id: pair.hashedAdvKey,
    payload: payload.toString('base64'),
    datePublished: seen.at.getTime() + 60_000,
  });
}

/** Finders see a tracker so often in the last days; what history makes of it is that of these reports. */
export function seeOften(
  fake: FakeFindMy,
  pair: KeyPair,
  count: number,
  { random, now, days = 6.9, under = pair }: { random: Random; now: Date; days?: number; under?: KeyPair },
): TestReport[] {
  const seconds = new Set<number>();
  while (seconds.size < count) seconds.add(Math.floor(now.getTime() / 1000) - 60 - random.int(days * 86_400));
  return [...seconds].map((second) => {
    const at = new Date(second * 1000);
    const latitude = (random.int(1_000_000) - 500_000) / 1e4;
    const longitude = (random.int(3_000_000) - 1_500_000) / 1e4;
    const confidence = random.int(4);
    const accuracy = random.int(256);
    see(fake, pair, { at, latitude, longitude, confidence, accuracy });
    return { key: under.hashedAdvKey, at, latitude, longitude, confidence, accuracy };
  });
}
