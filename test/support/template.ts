import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type AppConfig, loadConfig } from '../../src/config/app-config.js';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { migrate } from '../../src/migration/migrator.js';
import { asAdministrator, databaseUrl, type ServerAccess } from './servers.js';

/** What a database is made with. */
export interface Making {
  engine: HistoryEngine;
  /** Environment variables beyond the defaults. */
  env: Record<string, string>;
  /** Time zone of its sessions; the server's where it is not given. */
  zone: string | undefined;
}

/** Configuration of the product for a database that is made like this. */
export function configOf({ engine, env }: Making, url: string): AppConfig {
  return loadConfig({
    HISTORY_ENGINE: engine,
    DATABASE_URL: url,
    GEOCODING_PROVIDER: 'off', // else reports get cities that the test does not know of
    ...env,
  });
}

/** Makes a database with nothing but the extensions: an owner without superuser may not create all of them. */
export async function createEmpty(
  admin: pg.Client,
  server: ServerAccess,
  name: string,
  making: Making,
): Promise<void> {
  await admin.query(`CREATE DATABASE ${name} ${ownedBy(server)}`);
  // All of it once more in a zone far from UTC: see test/run.mjs.
  if (making.zone) await admin.query(`ALTER DATABASE ${name} SET timezone = '${making.zone}'`);
  const { HISTORY_ENGINE, SPATIAL_LAYER } = configOf(making, server.admin);
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
 * Makes a migrated database by copying one, which takes a tenth of the time of migrating it. The first that asks makes
 * the original; all of them are dropped by global-teardown.js.
 *
 * TimescaleDB's own jobs are switched off in it, because they would come at any moment: who tests them runs them.
 */
export async function createMigrated(
  admin: pg.Client,
  server: ServerAccess,
  name: string,
  making: Making,
): Promise<void> {
  // The day, because the horizon of a new database is a midnight.
  const key = JSON.stringify([making, new Date().toISOString().slice(0, 10)]);
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 12);
  const original = `template_${process.env['TRACKER_TEST_RUN'] ?? ''}_${digest}`;
  await onlyOne(admin, original, () => makeOriginal(admin, server, original, making));
  await copyDatabase(admin, server, original, name);
}

/** Makes a copy of a database that is closed to connections: see closeToConnections(). */
export async function copyDatabase(
  admin: pg.Client,
  server: ServerAccess,
  original: string,
  name: string,
): Promise<void> {
  await admin.query(`CREATE DATABASE ${name} TEMPLATE ${original} ${ownedBy(server)}`);
  await copySettings(admin, original, name);
}

/** Ends all sessions of a database, those of background workers too, and lets no others begin: only so it can be copied. */
export async function closeToConnections(admin: pg.Client, name: string): Promise<void> {
  await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  const end = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1';
  while ((await admin.query(end, [name])).rowCount !== 0) await sleep(20);
}

/** Files are tested side by side: one of them makes the original, and the others wait for it. */
async function onlyOne(admin: pg.Client, name: string, work: () => Promise<void>): Promise<void> {
  await admin.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
  try {
    const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await work();
  } finally {
    await admin.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name]);
  }
}

async function makeOriginal(
  admin: pg.Client,
  server: ServerAccess,
  name: string,
  making: Making,
): Promise<void> {
  const raw = `${name}_raw`; // has its name only when it is complete
  const url = databaseUrl(server, raw);
  await admin.query(`DROP DATABASE IF EXISTS ${raw} WITH (FORCE)`);
  await createEmpty(admin, server, raw, making);
  const report = await migrate(configOf(making, url), url);
  if (report.engine === 'timescaledb') await stopJobs(server, raw);
  await closeToConnections(admin, raw);
  await admin.query(`ALTER DATABASE ${raw} RENAME TO ${name}`);
}

/** Switches TimescaleDB's jobs off; some belong to the administrator. */
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

/** What ALTER DATABASE ... SET has set is not copied along. */
async function copySettings(admin: pg.Client, from: string, to: string): Promise<void> {
  const { rows } = await admin.query<{ setting: string }>(
    `SELECT unnest(setconfig) AS setting FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase
     WHERE d.datname = $1 AND s.setrole = 0`,
    [from],
  );
  for (const { setting } of rows) {
    const at = setting.indexOf('=');
    const [variable, value] = [setting.slice(0, at), setting.slice(at + 1)];
    // A list of names is kept as it is written.
    const literal = variable === 'search_path' ? value : pg.escapeLiteral(value);
    await admin.query(`ALTER DATABASE ${to} SET ${pg.escapeIdentifier(variable)} = ${literal}`);
  }
}
