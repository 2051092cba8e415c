/**
 * What does an upgrade from 0.1.0 cost those who use the database meanwhile?
 *
 * Makes a database of 0.1.0 with a year of history, and migrates it to this version while clients of 0.1.0 write new and
 * late reports, read history and refresh it, each on a connection of its own. Prints the time of the upgrade by part, how
 * long each kind of client had to wait, every error that a client got, and whether each confirmed report was counted once.
 * For comparison the same daily rows are copied by INSERT … SELECT into a table with the same key.
 *
 *   npm run bench:upgrade -- [--trackers 5000] [--days 362] [--reports 48] [--calm 10] [--engine auto] [--reader 60]
 *     [--template NAME]
 *
 * TEST_TIMESCALE_URL names a server (its user must be a superuser); otherwise a private one without TimescaleDB is started
 * in a temporary folder. With --template the filled database is kept under that name, and later runs take a copy of it.
 * Exits with 1 where a client failed, an answer was wrong or a report was lost. Times are the machine's: nothing is asserted.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type pg from 'pg';
import { loadConfig } from '../src/config/app-config.js';
import { migrate } from '../src/migration/migrator.js';
import { startEmbeddedCluster } from '../src/embedded/embedded-cluster.js';
import { describeFailure, EXIT } from '../src/process.js';
import { withClient } from '../test/support/servers/database-servers.js';
import { migrateToVersion010 } from '../test/support/upgrade/version-0.1.0.js';
import { BenchServer } from './bench-server.js';
import { isComplete, readHistory } from './counted-history.js';
import { type Fleet, fillHistory, NO_PARALLEL_PLANS } from './filled-history.js';
import { type BenchTracker, Clients, type Measurements } from './upgrade-clients.js';

/** Trackers that clients write for, the first ones; the others stay as they are. */
const WRITTEN = 100;

interface Options extends Fleet {
  /** Seconds that clients run before and after the upgrade. */
  calm: number;
  /** auto: as the server has it. */
  engine: string;
  /** Seconds that a transaction which read everything stays open, from when the upgrade begins; 0: there is none. */
  reader: number;
  template: string | undefined;
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      trackers: { type: 'string', default: '5000' },
      days: { type: 'string', default: '362' },
      reports: { type: 'string', default: '48' },
      calm: { type: 'string', default: '10' },
      engine: { type: 'string', default: 'auto' },
      reader: { type: 'string', default: '0' },
      template: { type: 'string' },
    },
  });
  const options = {
    trackers: Number(values.trackers),
    days: Number(values.days),
    reportsADay: Number(values.reports),
    calm: Number(values.calm),
    engine: values.engine,
    reader: Number(values.reader),
    template: values.template,
  };
  const given = process.env['TEST_TIMESCALE_URL'];
  const folder = await mkdtemp(join(tmpdir(), 'tracker-bench-'));
  const cluster = given === undefined ? await startEmbeddedCluster({ dataDir: join(folder, 'data') }) : null;
  const server = given ?? cluster?.url ?? '';
  const name = `bench_upgrade_${process.pid}`;
  try {
    say(
      `${await new BenchServer(server).describe()}; ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1) ?? ''}`,
    );
    await makeDatabase(server, name, options);
    return await measure(on(server, name), options);
  } finally {
    await withClient(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function on(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

/** A filled database of 0.1.0: made now, or a copy of the one that is kept. */
async function makeDatabase(server: string, name: string, options: Options): Promise<void> {
  const { template } = options;
  await withClient(server, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [template ?? '']);
    if (rowCount === 0) {
      await client.query(`CREATE DATABASE ${template ?? name}`);
      await fill(on(server, template ?? name), options);
    }
    if (template === undefined) return;
    await client.query(`ALTER DATABASE ${template} ALLOW_CONNECTIONS false`); // TimescaleDB's scheduler would be in it
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
      template,
    ]);
    await sleep(1000);
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
    await client.query(`ALTER DATABASE ${name} SET search_path = "$user", public, tracker_compat`);
  });
}

async function fill(url: string, options: Options): Promise<void> {
  const begun = performance.now();
  const config = loadConfig({ DATABASE_URL: url, HISTORY_ENGINE: options.engine });
  const engine = await migrateToVersion010(config, url);
  await withClient(url, (client) =>
    fillHistory(client, engine, options, (line) => say(`  filling: ${line}`)),
  );
  say(`  filled in ${seconds(performance.now() - begun)}`);
}

async function measure(url: string, options: Options): Promise<boolean> {
  const before = await withClient(url, async (client) => {
    await client.query(NO_PARALLEL_PLANS);
    return readHistory(client, WRITTEN);
  });
  say(
    `${before.engine}: ${before.size}, ${before.days} days and ${before.raw} raw reports of ${options.trackers} trackers`,
  );
  const trackers = await withClient(url, async (client) => {
    const { rows } = await client.query<BenchTracker>(
      'SELECT id, hashed_adv_key AS key FROM trackers ORDER BY id',
    );
    return rows;
  });
  const copy = await withClient(url, copyDays);
  const clients = new Clients(url, before.horizon, trackers.slice(0, WRITTEN), trackers.slice(WRITTEN));
  clients.start();
  await sleep(options.calm * 1000);
  const calm = new Map([...clients.measurements.waits].map(([kind, waits]) => [kind, [...waits]]));
  clients.measurements.waits.clear();

  const reading = withClient(url, (client) => holdOpen(client, options.reader));
  const took = await upgrade(url);
  await reading;
  const during = new Map(clients.measurements.waits);
  clients.measurements.waits.clear();
  await sleep(options.calm * 1000);
  const after = new Map(clients.measurements.waits);
  await clients.stop();

  say(
    `copying the daily rows by INSERT … SELECT: ${seconds(copy)}; the upgrade took ${(took / copy).toFixed(1)} times as long`,
  );
  reportWaits('before', calm);
  reportWaits('during', during);
  reportWaits('after', after);
  const clean = reportFailures(clients.measurements);
  const { confirmed } = clients;
  return (await withClient(url, (client) => isComplete(client, before, confirmed, say))) && clean;
}

/** @returns milliseconds. */
async function upgrade(url: string): Promise<number> {
  const begun = performance.now();
  let last = begun;
  const lap = (): string => {
    const now = performance.now();
    const line = `${seconds(now - begun).padStart(9)} (+${seconds(now - last)})`;
    last = now;
    return line;
  };
  const report = await migrate(loadConfig({ DATABASE_URL: url }), url, (line) => say(`  ${lap()} ${line}`));
  say(`  ${lap()} done: ${report.ran.join(', ')}${report.remade ? ', location_history' : ''}`);
  return performance.now() - begun;
}

/** As a report, or pg_dump, does. */
async function holdOpen(client: pg.Client, s: number): Promise<void> {
  if (s === 0) return;
  await client.query(`SET application_name = 'bench reader'; BEGIN`);
  for (const relation of ['location_reports', 'location_history_view'])
    await client.query(`SELECT count(*) FROM ${relation}`);
  await client.query('SELECT pg_sleep($1)', [s]);
  await client.query('COMMIT');
}

/** The same rows, by the same server, into a table with the same key. @returns milliseconds. */
async function copyDays(client: pg.Client): Promise<number> {
  await client.query('CREATE TABLE copied_days AS SELECT * FROM location_history_days WITH NO DATA');
  await client.query('CREATE UNIQUE INDEX ON copied_days (hashed_adv_key, bucket)');
  const begun = performance.now();
  await client.query(
    'INSERT INTO copied_days SELECT * FROM location_history_days WHERE bucket < history_horizon()',
  );
  const took = performance.now() - begun;
  await client.query('DROP TABLE copied_days');
  return took;
}

function reportWaits(when: string, waits: ReadonlyMap<string, number[]>): void {
  say(
    `${when} the upgrade, milliseconds`.padEnd(52) +
      'n'.padStart(8) +
      'median'.padStart(9) +
      'p99'.padStart(9) +
      'longest'.padStart(9),
  );
  for (const [kind, times] of [...waits].sort()) {
    const sorted = [...times].sort((a, b) => a - b);
    const at = (part: number): string =>
      (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(0).padStart(9);
    say(`  ${kind.padEnd(50)}${String(sorted.length).padStart(8)}${at(0.5)}${at(0.99)}${at(1)}`);
  }
}

function reportFailures({ retried, failed }: Measurements): boolean {
  for (const [what, n] of retried) say(`  retried, ${n} times: ${what}`);
  for (const [what, n] of failed) say(`  FAILED, ${n} times: ${what}`);
  return failed.size === 0;
}

try {
  if (!(await main())) process.exitCode = EXIT.failed;
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = EXIT.failed;
}
