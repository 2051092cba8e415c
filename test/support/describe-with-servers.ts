import { describe, it } from '@jest/globals';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { ASKED_ENGINES, describeOnEveryEngine } from './engines.js';
import { pgbouncerIsInstalled } from './pgbouncer.js';
import { redisIsInstalled, RedisServer } from './redis-server.js';
import { clusterObstacle } from './system-cluster.js';

/** Runs tests on every engine that put a real pgbouncer before the server; skipped, with the reason, where there is none. */
export function describeWithPgBouncer(name: string, tests: (engine: HistoryEngine) => void): void {
  if (pgbouncerIsInstalled) describeOnEveryEngine(name, tests);
  else
    describe.skip(`${name} [skipped: pgbouncer is not installed (Debian: pgbouncer)]`, () =>
      tests('postgresql'));
}

/** Runs tests that start and stop a Redis of their own; skipped, with the reason, where there is none to start. */
export function describeWithRedis(name: string, tests: () => void): void {
  if (redisIsInstalled) describe(name, tests);
  else describe.skip(`${name} [skipped: redis-server is not installed]`, tests);
}

/**
 * A Redis for tests that only use it: the one of TEST_REDIS_URL, else one that is started for them. Skipped, with the
 * reason, where there is neither.
 */
export function itWithRedis(name: string, test: (url: string) => Promise<void>): void {
  const given = process.env['TEST_REDIS_URL'];
  if (given !== undefined) it(name, () => test(given));
  else if (!redisIsInstalled)
    it.skip(`${name} [skipped: TEST_REDIS_URL is not set, and redis-server is not installed]`, () =>
      undefined);
  else
    it(name, async () => {
      const redis = await RedisServer.start();
      await test(redis.url).finally(() => redis.destroy());
    });
}

/** Runs tests on every engine that start servers of their own; skipped, with the reason, where there are none to start. */
export function describeWithClusters(name: string, tests: (engine: HistoryEngine) => void): void {
  for (const engine of ASKED_ENGINES) {
    const reason = clusterObstacle(engine);
    if (reason === undefined) describe(`${name} (${engine})`, () => tests(engine));
    else describe.skip(`${name} (${engine}) [skipped: ${reason}]`, () => tests(engine));
  }
}
