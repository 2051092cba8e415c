import type pg from 'pg';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { withClient } from './client.js';

/** How the tests reach a server. */
export interface ServerAccess {
  /** Address of its administrator, a superuser; use it through asAdministrator(). */
  admin: string;
  /**
   * Owner of the test databases: no superuser, no CREATEDB. Migrations, the application and the tests' own statements
   * run as this role. Left out where the product itself connects as superuser: on its embedded server.
   */
  owner?: { name: string; password: string };
}

/** A server that the tests may make databases on. */
export interface TestServer extends ServerAccess {
  engine: HistoryEngine;
  /** Whether PostGIS can be installed there. */
  postgis: boolean;
  /** Whether it keeps prepared transactions: max_prepared_transactions. */
  prepares: boolean;
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

/** Address of a database for its owner. */
export function databaseUrl({ admin, owner }: ServerAccess, database: string): string {
  return Object.assign(new URL(admin), {
    pathname: `/${database}`,
    ...(owner && { username: owner.name, password: owner.password }),
  }).href;
}

/** Address of a database of this engine for the administrator: another role than the owner, who may see its sessions alone. */
export function administratorUrl(engine: HistoryEngine, database: string): string {
  const server = serverOf(engine);
  if (!server) throw new Error(`no server for ${engine}`);
  return databaseUrl({ admin: server.admin }, database);
}

/**
 * Connects as the administrator, for what the owner of a database may not do: create and drop databases, untrusted
 * extensions and event triggers, change server settings, terminate sessions and alter jobs of other roles.
 *
 * @param database to connect to; by default the one that `admin` names.
 */
export function asAdministrator<T>(
  { admin }: ServerAccess,
  work: (client: pg.Client) => Promise<T>,
  database?: string,
): Promise<T> {
  return withClient(database === undefined ? admin : databaseUrl({ admin }, database), work);
}
