import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type AppConfig, loadConfig } from '../../../src/config/app-config.js';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { CrashSafeClient } from '../../../src/database/crash-safe-client.js';
import { migrate } from '../../../src/migration/migrator.js';

/**
 * Opens a connection. If it breaks, its next statement fails; without an error listener the process of the tests would
 * end.
 */
export async function connectTo(url: string): Promise<pg.Client> {
  const client = new CrashSafeClient({ connectionString: url });
  await client.connect();
  return client;
}

/** Opens a connection for `work`, and closes it afterwards. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connectTo(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** How to reach a server. */
export interface ServerAccess {
  /** Address of its administrator, a superuser; use it through asAdministrator(). */
  admin: string;
  /**
   * Owner of the test databases: no superuser, no CREATEDB. Migrations, the application and the tests' own statements
   * run as this role. Undefined for the product's embedded server, where the product itself connects as superuser.
   */
  owner?: { name: string; password: string };
}

/** A server on which the tests may create databases. */
export interface TestServer extends ServerAccess {
  engine: HistoryEngine;
  /** Whether PostGIS can be installed there. */
  postgis: boolean;
  /** Whether it supports prepared transactions: max_prepared_transactions is not 0. */
  prepares: boolean;
  /** E.g. 15. */
  majorVersion: number;
}

/** All servers of this run, which global-setup.js found or started. */
export function allServers(): TestServer[] {
  return JSON.parse(process.env['TRACKER_TEST_SERVERS'] ?? '[]') as TestServer[];
}

/** The server of an engine; undefined if there is none. */
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

/** Address of a database of this engine for the administrator, who sees the sessions of all roles. */
export function administratorUrl(engine: HistoryEngine, database: string): string {
  const server = serverOf(engine);
  if (!server) throw new Error(`no server for ${engine}`);
  return databaseUrl({ admin: server.admin }, database);
}

/**
 * Connects as the administrator, for work that the owner of a database may not do: create and drop databases, untrusted
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

/** How a database is created. */
export interface DatabaseSettings {
  engine: HistoryEngine;
  /** Environment variables beyond the defaults. */
  env: Record<string, string>;
  /** Time zone of its sessions; by default the server's. */
  zone: string | undefined;
}

/** Configuration of the product for a database with these settings. */
export function configOf({ engine, env }: DatabaseSettings, url: string): AppConfig {
  return loadConfig({
    HISTORY_ENGINE: engine,
    DATABASE_URL: url,
    GEOCODING_PROVIDER: 'off', // otherwise reports get cities that the test does not expect
    ...env,
  });
}

/** Creates a database with nothing but the extensions, some of which its owner may not create. */
export async function createEmpty(
  admin: pg.Client,
  server: ServerAccess,
  name: string,
  settings: DatabaseSettings,
): Promise<void> {
  await admin.query(`CREATE DATABASE ${name} ${ownedBy(server)}`);
  // test/run.mjs also runs all tests in a time zone far from UTC.
  if (settings.zone) await admin.query(`ALTER DATABASE ${name} SET timezone = '${settings.zone}'`);
  const { HISTORY_ENGINE, SPATIAL_LAYER } = configOf(settings, server.admin);
  const wanted = [
    ...(HISTORY_ENGINE === 'timescaledb' ? ['timescaledb'] : []),
    ...(SPATIAL_LAYER === 'builtin' ? [] : ['postgis']),
  ];
  const { rows } = await admin.query<{ name: string }>(
    'SELECT name FROM pg_available_extensions WHERE name = ANY ($1)',
    [wanted],
  );
  if (rows.length === 0) return;
  await asAdministrator(
    server,
    async (client) => {
      for (const extension of rows) await client.query(`CREATE EXTENSION ${extension.name}`);
    },
    name,
  );
}

function ownedBy({ owner }: ServerAccess): string {
  return owner ? `OWNER ${owner.name}` : '';
}

/**
 * Creates a migrated database by copying a template, which takes a tenth of the time of a migration. The first caller
 * creates the template; global-teardown.js drops all templates.
 *
 * TimescaleDB's own jobs are disabled in it, because they could run at any time; tests of the jobs run them explicitly.
 */
export async function createMigrated(
  admin: pg.Client,
  server: ServerAccess,
  name: string,
  settings: DatabaseSettings,
): Promise<void> {
  // The date is part of the key, because the horizon of a new database depends on it.
  const key = JSON.stringify([settings, new Date().toISOString().slice(0, 10)]);
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 12);
  const template = `template_${process.env['TRACKER_TEST_RUN'] ?? ''}_${digest}`;
  await createOnce(admin, template, () => createTemplate(admin, server, template, settings));
  await copyDatabase(admin, server, template, name);
}

/** Copies a database that is closed to connections: see closeToConnections(). */
export async function copyDatabase(
  admin: pg.Client,
  server: ServerAccess,
  original: string,
  name: string,
): Promise<void> {
  await admin.query(`CREATE DATABASE ${name} TEMPLATE ${original} ${ownedBy(server)}`);
  await copySettings(admin, original, name);
}

/**
 * Ends all sessions of a database, also those of background workers, and forbids new ones, so that it can be copied.
 */
export async function closeToConnections(admin: pg.Client, name: string): Promise<void> {
  await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  const end = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1';
  while ((await admin.query(end, [name])).rowCount !== 0) await sleep(20);
}

/** Creates a database if it does not exist; test files run in parallel, and the others wait meanwhile. */
async function createOnce(admin: pg.Client, name: string, create: () => Promise<void>): Promise<void> {
  await admin.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
  try {
    const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await create();
  } finally {
    await admin.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name]);
  }
}

async function createTemplate(
  admin: pg.Client,
  server: ServerAccess,
  name: string,
  settings: DatabaseSettings,
): Promise<void> {
  const raw = `${name}_raw`; // renamed once it is complete
  const url = databaseUrl(server, raw);
  await admin.query(`DROP DATABASE IF EXISTS ${raw} WITH (FORCE)`);
  await createEmpty(admin, server, raw, settings);
  const report = await migrate(configOf(settings, url), url);
  if (report.engine === 'timescaledb') await stopJobs(server, raw);
  await closeToConnections(admin, raw);
  await admin.query(`ALTER DATABASE ${raw} RENAME TO ${name}`);
}

/** Disables TimescaleDB's jobs, as the administrator, because some of them belong to it. */
export async function stopJobs(server: ServerAccess, database: string): Promise<void> {
  await asAdministrator(
    server,
    (client) =>
      client.query(
        `SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE proc_name LIKE 'policy_%'`,
      ),
    database,
  );
}

/** Copies the settings of ALTER DATABASE ... SET, which CREATE DATABASE does not copy. */
async function copySettings(admin: pg.Client, from: string, to: string): Promise<void> {
  const { rows } = await admin.query<{ setting: string }>(
    `SELECT unnest(setconfig) AS setting FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase
     WHERE d.datname = $1 AND s.setrole = 0`,
    [from],
  );
  for (const { setting } of rows) {
    const at = setting.indexOf('=');
    const [variable, value] = [setting.slice(0, at), setting.slice(at + 1)];
    // search_path is a list of quoted names already.
    const literal = variable === 'search_path' ? value : pg.escapeLiteral(value);
    await admin.query(`ALTER DATABASE ${to} SET ${pg.escapeIdentifier(variable)} = ${literal}`);
  }
}
