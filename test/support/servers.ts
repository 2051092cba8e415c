import type { HistoryEngine } from '../../src/config/env.schema.js';

/** A server that the tests may make databases on. */
export interface TestServer {
  engine: HistoryEngine;
  /** Address of a database that is there; its user may create others. */
  url: string;
  /** Whether PostGIS can be installed there. */
  postgis: boolean;
  /** E.g. 15. */
  majorVersion: number;
}

/** All servers of this run, as global-setup.js found or started them. */
export function allServers(): TestServer[] {
  return JSON.parse(process.env['TRACKER_TEST_SERVERS'] ?? '[]') as TestServer[];
}

/** The server of an engine; undefined where the tests run without it. */
export function serverOf(engine: HistoryEngine): TestServer | undefined {
  return allServers().find((server) => server.engine === engine);
}
