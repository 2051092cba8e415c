import { describe, it } from '@jest/globals';
import {
  HISTORY_ENGINES,
  type HistoryEngine,
  SPATIAL_LAYERS,
  type SpatialLayer,
} from '../../src/config/env.schema.js';
import { serverOf } from './servers/database-servers.js';
import { pgbouncerIsInstalled, redisIsInstalled, RedisServer } from './servers/server-processes.js';
import { clusterObstacle } from './servers/postgres-cluster.js';

/** Whether this run tests an engine: the one that TEST_ENGINE names, or all. */
const isSelected = (engine: HistoryEngine): boolean => (process.env['TEST_ENGINE'] ?? engine) === engine;

/** The engines that this run tests. */
export const SELECTED_ENGINES = HISTORY_ENGINES.filter(isSelected);

/**
 * Runs the same tests on every engine. An engine without a server is reported as skipped, with the reason.
 *
 * @param tests receives the engine for its databases.
 */
export function describeOnEveryEngine(name: string, tests: (engine: HistoryEngine) => void): void {
  for (const engine of SELECTED_ENGINES) {
    if (serverOf(engine)) describe(`${name} (${engine})`, () => tests(engine));
    else describe.skip(`${name} (${engine}) [skipped: TEST_TIMESCALE_URL is not set]`, () => tests(engine));
  }
}

/** Runs tests that need the timescaledb engine. */
export function describeOnTimescale(name: string, tests: () => void): void {
  if (!isSelected('timescaledb')) return;
  if (serverOf('timescaledb')) describe(name, tests);
  else describe.skip(`${name} [skipped: TEST_TIMESCALE_URL is not set]`, tests);
}

/** The engine for tests that hardly depend on it: timescaledb if there is a server for it. */
export function anyEngine(): HistoryEngine {
  return serverOf('timescaledb') ? 'timescaledb' : 'postgresql';
}

/** Runs tests on every engine with a real pgbouncer; skipped, with the reason, if none is installed. */
export function describeWithPgBouncer(name: string, tests: (engine: HistoryEngine) => void): void {
  if (pgbouncerIsInstalled) describeOnEveryEngine(name, tests);
  else
    describe.skip(`${name} [skipped: pgbouncer is not installed (Debian: pgbouncer)]`, () =>
      tests('postgresql'));
}

/** Runs tests that start and stop their own Redis; skipped, with the reason, if none is installed. */
export function describeWithRedis(name: string, tests: () => void): void {
  if (redisIsInstalled) describe(name, tests);
  else describe.skip(`${name} [skipped: redis-server is not installed]`, tests);
}

/**
 * Runs a test that needs any Redis: the one at TEST_REDIS_URL, or one that is started for the test. Skipped, with the
 * reason, if there is neither.
 */
export function itWithRedis(name: string, test: (url: string) => Promise<void>): void {
  const configuredUrl = process.env['TEST_REDIS_URL'];
  if (configuredUrl !== undefined) it(name, () => test(configuredUrl));
  else if (!redisIsInstalled)
    it.skip(`${name} [skipped: TEST_REDIS_URL is not set, and redis-server is not installed]`, () =>
      undefined);
  else
    it(name, async () => {
      const redis = await RedisServer.start();
      await test(redis.url).finally(() => redis.destroy());
    });
}

/** Runs tests that start their own clusters, on every engine; skipped, with the reason, if that is impossible. */
export function describeWithClusters(name: string, tests: (engine: HistoryEngine) => void): void {
  for (const engine of SELECTED_ENGINES) {
    const reason = clusterObstacle(engine);
    if (reason === undefined) describe(`${name} (${engine})`, () => tests(engine));
    else describe.skip(`${name} (${engine}) [skipped: ${reason}]`, () => tests(engine));
  }
}

/** Whether the server of the postgresql engine has PostGIS. */
export const POSTGIS = serverOf('postgresql')?.postgis === true;

/** Runs the same tests on every spatial layer. */
export function describeOnEveryLayer(name: string, tests: (layer: SpatialLayer) => void): void {
  for (const layer of SPATIAL_LAYERS) {
    if (layer === 'builtin' || POSTGIS) describe(`${name} (${layer})`, () => tests(layer));
    else describe.skip(`${name} (${layer}) [skipped: the server has no PostGIS]`, () => tests(layer));
  }
}
