import type { HistoryEngine } from '../../src/config/env.schema.js';

/** A server that the tests may make databases on. */
export interface TestServer {
  engine: HistoryEngine;
  /** Address of a database that is there; its user may create others. */
  url: string;
  /** Whether PostGIS can be installed there. */
  postgis: boolean;
}

/** The server of an engine, as global-setup.js found or started it; undefined where the tests run without it. */
export function serverOf(engine: HistoryEngine): TestServer | undefined {
  const servers = JSON.parse(process.env['TRACKER_TEST_SERVERS'] ?? '[]') as TestServer[];
  return servers.find((server) => server.engine === engine);
}
