/**
 * What GraphQL costs: a fleet with the latest place and the last 24 hours of each tracker, as one GraphQL answer, against
 * the same SQL statements by hand.
 *
 * In the same process and on the same database, one right after the other, round after round:
 *
 * 1. **by hand**: the statements that the answer took, recorded from the driver, run again with the same parameters through
 *    a bare connection, up to rows in memory. Nothing is put together from them, and nothing becomes JSON.
 * 2. **GraphQL**: the answer as a client gets it over a socket, up to its last byte.
 *
 *   npm run build && node dist/bench/fleet.js [--trackers 1500] [--rounds 10]
 *
 * BENCH_DATABASE_URL names a server to use (its user must be allowed to create databases and to CHECKPOINT); otherwise a
 * private one is started in a temporary folder. Nothing is asserted: times are the machine's.
 */
import { ClockRepository } from '../src/clock/clock.repository.js';
import { ClockService } from '../src/clock/clock.service.js';
import { SystemClock } from '../src/clock/system-clock.js';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { createApp } from '../src/app.setup.js';
import { AggregatesRepository } from '../src/aggregates/aggregates.repository.js';
import { AggregatesService } from '../src/aggregates/aggregates.service.js';
import { createDataSource } from '../src/database/data-source.js';
import { startEmbeddedCluster } from '../src/embedded/embedded-cluster.js';
import { LockLeasesRepository } from '../src/locking/lock-leases.repository.js';
import { LockService } from '../src/locking/lock.service.js';
import { type BenchDatabase, BenchServer } from './bench-server.js';
import { trackerKey } from './report-file.js';

const HOUR = 3_600_000;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

/** A statement as the driver was given it. */
interface Statement {
  text: string;
  values: unknown[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { trackers: { type: 'string', default: '1500' }, rounds: { type: 'string', default: '10' } },
  });
  const folder = await mkdtemp(join(tmpdir(), 'tracker-bench-'));
  try {
    const given = process.env['BENCH_DATABASE_URL'];
    const cluster =
      given === undefined ? await startEmbeddedCluster({ dataDir: join(folder, 'data') }) : undefined;
    try {
      const server = new BenchServer(given ?? cluster?.url ?? '');
      say(await server.describe());
      const trackers = Number(values.trackers);
      await server.withDatabase(trackers, (database) => measure(database, trackers, Number(values.rounds)));
    } finally {
      await cluster?.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(database: BenchDatabase, trackers: number, rounds: number): Promise<void> {
  await fill(database, trackers);
  const app = await createApp(
    { ...database.config, APP_ROLES: ['api'], GRAPHQL_MAX_COMPLEXITY: 10_000_000 },
    database.url,
    false,
  );
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.getHttpServer().address() as AddressInfo;
    const query = fleetQuery(trackers);
    const ask = async (): Promise<number> => (await askFor(query, port)).length;

    const statements = await recorded(ask);
    const times = { hand: [] as number[], graphql: [] as number[] };
    let bytes = 0;
    for (let round = 0; round <= rounds; round++) {
      const byHand = await timed(async () => {
        for (const { text, values } of statements) await client.query(text, values);
      });
      const graphql = await timed(async () => (bytes = await ask()));
      if (round === 0) continue; // waits for caches
      times.hand.push(byHand);
      times.graphql.push(graphql);
    }
    const [hand, graphql] = [median(times.hand), median(times.graphql)];
    say(
      `${trackers} trackers, latest place and 24 hours each: ${statements.length} statements, ${bytes} bytes of JSON`,
    );
    say(`  by hand  median ${hand.toFixed(0)} ms   ${times.hand.map((ms) => ms.toFixed(0)).join(' ')}`);
    say(`  GraphQL  median ${graphql.toFixed(0)} ms   ${times.graphql.map((ms) => ms.toFixed(0)).join(' ')}`);
    say(`  ratio ${(graphql / hand).toFixed(2)}`);
  } finally {
    await client.end();
    await app.close();
  }
}

function fleetQuery(trackers: number): string {
  const from = new Date(Date.now() - 24 * HOUR).toISOString();
  return `{ trackersConnection(first: ${trackers}) { nodes { id name currentStatus
    latestLocation { timestamp nearestCity location { latitude longitude } }
    locationHistory(startTime: "${from}", first: 25) { timestamp nearestCity location { latitude longitude } } } } }`;
}

async function askFor(query: string, port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const text = await response.text();
  if (text.includes('"errors"')) throw new Error(text.slice(0, 500));
  return text;
}

/** What the driver is given while something is asked; the application has no other role that would ask for more. */
async function recorded(ask: () => Promise<unknown>): Promise<Statement[]> {
  const statements: Statement[] = [];
  const prototype = pg.Client.prototype as unknown as { query: (...args: unknown[]) => unknown };
  const original = prototype.query;
  prototype.query = function (this: unknown, ...args: unknown[]): unknown {
    const [text, values] = args;
    if (typeof text === 'string' && /trackers|history/.test(text) && !text.startsWith('LISTEN')) {
      statements.push({ text, values: Array.isArray(values) ? values : [] });
    }
    return original.apply(this, args);
  };
  try {
    await ask();
  } finally {
    prototype.query = original;
  }
  return statements;
}

/** One report an hour of each tracker, of 40 hours. */
async function fill(database: BenchDatabase, trackers: number): Promise<void> {
  const dataSource = await createDataSource(database.config, database.url).initialize();
  try {
    await dataSource.query(
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location, nearest_city)
       SELECT key, date_trunc('hour', now()) - h * interval '1 hour' + n % 59 * interval '1 minute',
         make_geo_point(n % 360 - 180.0, h), 'Oslo'
       FROM unnest($1::text[]) WITH ORDINALITY AS t (key, n), generate_series(1, 40) AS h ON CONFLICT DO NOTHING`,
      [Array.from({ length: trackers }, (_, tracker) => trackerKey(tracker))],
    );
    const locks = new LockService(new LockLeasesRepository(dataSource), null, 30_000);
    const aggregates = new AggregatesService(
      new AggregatesRepository(dataSource),
      locks,
      new ClockService(new SystemClock(), new ClockRepository(dataSource)),
    );
    while ((await aggregates.aggregateChanges()) === 'more');
    await aggregates.refreshView();
    await dataSource.query('ANALYZE');
  } finally {
    await dataSource.destroy();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

await main();
