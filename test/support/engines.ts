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
 * Runs the same tests on every engine. One that has no server is reported as skipped, with the reason.
 *
 * @param tests gets the engine for its databases.
 */
export function describeOnEveryEngine(name: string, tests: (engine: HistoryEngine) => void): void {
  for (const engine of SELECTED_ENGINES) {
    if (serverOf(engine)) describe(`${name} (${engine})`, () => tests(engine));
    else describe.skip(`${name} (${engine}) [skipped: TEST_TIMESCALE_URL is not set]`, () => tests(engine));
  }
}

/** Runs tests of what only the timescaledb engine has. */
export function describeOnTimescale(name: string, tests: () => void): void {
  if (!isSelected('timescaledb')) return;
  if (serverOf('timescaledb')) describe(name, tests);
  else describe.skip(`${name} [skipped: TEST_TIMESCALE_URL is not set]`, tests);
}

/** The engine for tests that hardly depend on it: timescaledb where there is a server for it. */
export function anyEngine(): HistoryEngine {
  return serverOf('timescaledb') ? 'timescaledb' : 'postgresql';
}

/** Runs tests on every engine with a real pgbouncer; skipped, with the reason, where none is installed. */
export function describeWithPgBouncer(name: string, tests: (engine: HistoryEngine) => void): void {
  if (pgbouncerIsInstalled) describeOnEveryEngine(name, tests);
  else
    describe.skip(`${name} [skipped: pgbouncer is not installed (Debian: pgbouncer)]`, () =>
      tests('postgresql'));
}

/** Runs tests that start and stop a Redis of their own; skipped, with the reason, where none is installed. */
export function describeWithRedis(name: string, tests: () => void): void {
  if (redisIsInstalled) describe(name, tests);
  else describe.skip(`${name} [skipped: redis-server is not installed]`, tests);
}

/**
 * Runs a test that only uses a Redis: that of TEST_REDIS_URL, or one that is started for it. Skipped, with the reason,
 * where there is neither.
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

/** Runs tests on every engine that start clusters of their own; skipped, with the reason, where none is installed. */
export function describeWithClusters(name: string, tests: (engine: HistoryEngine) => void): void {
  for (const engine of SELECTED_ENGINES) {
    const reason = clusterObstacle(engine);
    if (reason === undefined) describe(`${name} (${engine})`, () => tests(engine));
    else describe.skip(`${name} (${engine}) [skipped: ${reason}]`, () => tests(engine));
  }
}

/** Whether the tests' server has PostGIS; where it has not, the tests that need it are reported as skipped. */
export const POSTGIS = serverOf('postgresql')?.postgis === true;

/** Runs the same tests on every spatial layer. */
export function describeOnEveryLayer(name: string, tests: (layer: SpatialLayer) => void): void {
  for (const layer of SPATIAL_LAYERS) {
    if (layer === 'builtin' || POSTGIS) describe(`${name} (${layer})`, () => tests(layer));
    else describe.skip(`${name} (${layer}) [skipped: the server has no PostGIS]`, () => tests(layer));
  }
}
