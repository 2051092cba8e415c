import { describe } from '@jest/globals';
import { HISTORY_ENGINES, type HistoryEngine } from '../../src/config/env.schema.js';
import { serverOf } from './servers.js';

/** Whether this run is about an engine: about all of them, but for one that TEST_ENGINE names alone. */
const isAsked = (engine: HistoryEngine): boolean => (process.env['TEST_ENGINE'] ?? engine) === engine;

/** The engines that this run is about. */
export const ASKED_ENGINES = HISTORY_ENGINES.filter(isAsked);

/**
 * Runs the same tests on every engine; one that no server is there for is reported as skipped, with the reason.
 *
 * @param tests gets the engine to make databases for.
 */
export function describeOnEveryEngine(name: string, tests: (engine: HistoryEngine) => void): void {
  for (const engine of ASKED_ENGINES) {
    if (serverOf(engine)) describe(`${name} (${engine})`, () => tests(engine));
    else describe.skip(`${name} (${engine}) [skipped: TEST_TIMESCALE_URL is not set]`, () => tests(engine));
  }
}

/** Runs tests of what only the timescaledb engine has. */
export function describeOnTimescale(name: string, tests: () => void): void {
  if (!isAsked('timescaledb')) return;
  if (serverOf('timescaledb')) describe(name, tests);
  else describe.skip(`${name} [skipped: TEST_TIMESCALE_URL is not set]`, tests);
}

/** For tests that are hardly about the database: timescaledb where there is a server for it, which the rest of a run is about. */
export function anyEngine(): HistoryEngine {
  return serverOf('timescaledb') ? 'timescaledb' : 'postgresql';
}
