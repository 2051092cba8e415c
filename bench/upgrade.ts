/**
 * Measures how an upgrade from 0.1.0 affects clients that use the database at the same time.
 *
 * Creates a database of 0.1.0 with a year of history, and migrates it to this version while clients of 0.1.0 write new
 * and late reports, read history and refresh it, each on its own connection. Prints the duration of each part of the
 * upgrade, the durations of each kind of client, every error of a client, and whether each confirmed report was counted
 * once. For comparison, copies the same daily rows by INSERT … SELECT into a table with the same key.
 *
 *   npm run bench:upgrade -- [--trackers 5000] [--days 362] [--reports 48] [--calm 10] [--engine auto] [--reader 60]
 *     [--template NAME]
 *
 * Uses the server of TEST_TIMESCALE_URL, whose user must be a superuser; otherwise starts a private one without
 * TimescaleDB in a temporary folder. --template keeps the filled database under that name, and later runs copy it.
 * Exits with 1 if a client failed, an answer was wrong or a report was lost. Asserts nothing about times, because they
 * depend on the machine.
 */
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type pg from 'pg';
import { loadConfig } from '../src/config/app-config.js';
import { migrate } from '../src/migration/migrator.js';
import { describeFailure, EXIT } from '../src/process.js';
import { databaseUrl, withClient } from '../test/support/servers/database-servers.js';
import { migrateToVersion010 } from '../test/support/upgrade/version-0.1.0.js';
import { BenchServer, withServer, print } from './bench-server.js';
import { isComplete, readHistory } from './counted-history.js';
import { fillHistory, type HistorySize, NO_PARALLEL_PLANS } from './filled-history.js';
import { type BenchTracker, Clients, type Measurements } from './upgrade-clients.js';

/** Number of trackers that clients write to. */
const WRITTEN = 100;

interface Options extends HistorySize {
  /** Seconds that clients run before and after the upgrade. */
  calm: number;
  /** auto: timescaledb if the server has TimescaleDB, else postgresql. */
  engine: string;
  /** Seconds that a transaction that has read all relations stays open during the upgrade; 0: no such transaction. */
  reader: number;
  template: string | undefined;
}

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
    reportsPerDay: Number(values.reports),
    calm: Number(values.calm),
    engine: values.engine,
    reader: Number(values.reader),
    template: values.template,
  };
  return withServer(process.env['TEST_TIMESCALE_URL'], async (server) => {
    const name = `bench_upgrade_${process.pid}`;
    try {
      print(
        `${await new BenchServer(server).describe()}; ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1) ?? ''}`,
      );
      await createDatabase(server, name, options);
      return await measure(databaseUrl({ admin: server }, name), options);
    } finally {
      await withClient(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    }
  });
}

/** Creates and fills a database of 0.1.0, or copies the template. */
async function createDatabase(server: string, name: string, options: Options): Promise<void> {
  const { template } = options;
  await withClient(server, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [template ?? '']);
    if (rowCount === 0) {
      await client.query(`CREATE DATABASE ${template ?? name}`);
      await fill(databaseUrl({ admin: server }, template ?? name), options);
    }
    if (template === undefined) return;
    await client.query(`ALTER DATABASE ${template} ALLOW_CONNECTIONS false`); // keeps TimescaleDB's scheduler out
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
      template,
    ]);
    await sleep(1000);
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
    await client.query(`ALTER DATABASE ${name} SET search_path = "$user", public, tracker_compat`);
  });
}

async function fill(url: string, options: Options): Promise<void> {
  const startedAt = performance.now();
  const config = loadConfig({ DATABASE_URL: url, HISTORY_ENGINE: options.engine });
  const engine = await migrateToVersion010(config, url);
  await withClient(url, (client) =>
    fillHistory(client, engine, options, (line) => print(`  filling: ${line}`)),
  );
  print(`  filled in ${seconds(performance.now() - startedAt)}`);
}

async function measure(url: string, options: Options): Promise<boolean> {
  const before = await withClient(url, async (client) => {
    await client.query(NO_PARALLEL_PLANS);
    return readHistory(client, WRITTEN);
  });
  print(
    `${before.engine}: ${before.size}, ${before.days} days and ${before.raw} raw reports of ${options.trackers} trackers`,
  );
  const trackers = await withClient(url, async (client) => {
    const { rows } = await client.query<BenchTracker>(
      'SELECT id, hashed_adv_key AS key FROM trackers ORDER BY id',
    );
    return rows;
  });
  const copyMs = await withClient(url, copyDays);
  const clients = new Clients(url, before.horizon, trackers.slice(0, WRITTEN), trackers.slice(WRITTEN));
  clients.start();
  await sleep(options.calm * 1000);
  const { durations } = clients.measurements;
  const durationsBefore = new Map(durations);
  durations.clear();

  const reader = withClient(url, (client) => keepTransactionOpen(client, options.reader));
  const upgradeMs = await upgrade(url);
  await reader;
  const durationsDuring = new Map(durations);
  durations.clear();
  await sleep(options.calm * 1000);
  const durationsAfter = new Map(durations);
  await clients.stop();

  print(
    `copying the daily rows by INSERT … SELECT: ${seconds(copyMs)}; the upgrade took ${(upgradeMs / copyMs).toFixed(1)} times as long`,
  );
  printDurations('before', durationsBefore);
  printDurations('during', durationsDuring);
  printDurations('after', durationsAfter);
  const noneFailed = printFailures(clients.measurements);
  const { confirmed } = clients;
  return (await withClient(url, (client) => isComplete(client, before, confirmed, print))) && noneFailed;
}

/** Upgrades the database and prints the duration of each part. @returns the whole duration in milliseconds. */
async function upgrade(url: string): Promise<number> {
  const startedAt = performance.now();
  let lapStart = startedAt;
  const lap = (): string => {
    const now = performance.now();
    const line = `${seconds(now - startedAt).padStart(9)} (+${seconds(now - lapStart)})`;
    lapStart = now;
    return line;
  };
  const report = await migrate(loadConfig({ DATABASE_URL: url }), url, (line) => print(`  ${lap()} ${line}`));
  print(`  ${lap()} done: ${report.ran.join(', ')}${report.remade ? ', location_history' : ''}`);
  return performance.now() - startedAt;
}

/** Reads relations in one transaction and keeps it open, like pg_dump. */
async function keepTransactionOpen(client: pg.Client, seconds: number): Promise<void> {
  if (seconds === 0) return;
  await client.query(`SET application_name = 'bench reader'; BEGIN`);
  for (const relation of ['location_reports', 'location_history_view'])
    await client.query(`SELECT count(*) FROM ${relation}`);
  await client.query('SELECT pg_sleep($1)', [seconds]);
  await client.query('COMMIT');
}

/** Copies the closed days into a table with the same key. @returns the duration in milliseconds. */
async function copyDays(client: pg.Client): Promise<number> {
  await client.query('CREATE TABLE copied_days AS SELECT * FROM location_history_days WITH NO DATA');
  await client.query('CREATE UNIQUE INDEX ON copied_days (hashed_adv_key, bucket)');
  const startedAt = performance.now();
  await client.query(
    'INSERT INTO copied_days SELECT * FROM location_history_days WHERE bucket < history_horizon()',
  );
  const ms = performance.now() - startedAt;
  await client.query('DROP TABLE copied_days');
  return ms;
}

function printDurations(when: string, durations: ReadonlyMap<string, number[]>): void {
  print(
    `${when} the upgrade, milliseconds`.padEnd(52) +
      'n'.padStart(8) +
      'median'.padStart(9) +
      'p99'.padStart(9) +
      'longest'.padStart(9),
  );
  for (const [kind, times] of [...durations].sort()) {
    const sorted = [...times].sort((a, b) => a - b);
    const quantile = (q: number): string =>
      (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN).toFixed(0).padStart(9);
    print(
      `  ${kind.padEnd(50)}${String(sorted.length).padStart(8)}${quantile(0.5)}${quantile(0.99)}${quantile(1)}`,
    );
  }
}

/** @returns whether there were no failures except retried ones. */
function printFailures({ retried, failed }: Measurements): boolean {
  for (const [failure, n] of retried) print(`  retried, ${n} times: ${failure}`);
  for (const [failure, n] of failed) print(`  FAILED, ${n} times: ${failure}`);
  return failed.size === 0;
}

try {
  if (!(await main())) process.exitCode = EXIT.failed;
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = EXIT.failed;
}
