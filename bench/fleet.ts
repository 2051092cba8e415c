/**
 * Measures the overhead of GraphQL: one query for the latest position and the last 24 hours of every tracker of a
 * fleet, compared with its SQL statements alone.
 *
 * In the same process and on the same database, alternating in every round:
 *
 * 1. **SQL**: runs the statements of the query, recorded from the driver, again on a plain connection and reads the
 *    rows. No objects and no JSON are built from them.
 * 2. **GraphQL**: sends the query over a socket and reads the whole response.
 *
 *   npm run build && node dist/bench/fleet.js [--trackers 1500] [--rounds 10]
 *
 * Uses the server of BENCH_DATABASE_URL, whose user must be allowed to create databases and to CHECKPOINT; otherwise
 * starts a private one in a temporary folder. Asserts nothing, because times depend on the machine.
 */
import { ClockRepository } from '../src/clock/clock.repository.js';
import { ClockService } from '../src/clock/clock.service.js';
import { SystemClock } from '../src/clock/system-clock.js';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { createApp } from '../src/app.setup.js';
import { AggregatesRepository } from '../src/aggregates/aggregates.repository.js';
import { AggregatesService } from '../src/aggregates/aggregates.service.js';
import { createDataSource } from '../src/database/data-source.js';
import { LockLeasesRepository } from '../src/locking/lock-leases.repository.js';
import { LockService } from '../src/locking/lock.service.js';
import { type BenchDatabase, median, withBenchServer, print } from './bench-server.js';
import { trackerKey } from './report-file.js';

const HOUR = 3_600_000;
/** A statement that the application passed to the driver. */
interface Statement {
  text: string;
  values: unknown[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { trackers: { type: 'string', default: '1500' }, rounds: { type: 'string', default: '10' } },
  });
  await withBenchServer(async (server) => {
    print(await server.describe());
    const trackers = Number(values.trackers);
    await server.withDatabase(trackers, (database) => measure(database, trackers, Number(values.rounds)));
  });
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
    const sendQuery = async (): Promise<number> => (await post(query, port)).length;

    const statements = await recordStatements(sendQuery);
    const times = { sql: [] as number[], graphql: [] as number[] };
    let bytes = 0;
    for (let round = 0; round <= rounds; round++) {
      const sql = await timed(async () => {
        for (const { text, values } of statements) await client.query(text, values);
      });
      const graphql = await timed(async () => (bytes = await sendQuery()));
      if (round === 0) continue; // fills caches
      times.sql.push(sql);
      times.graphql.push(graphql);
    }
    const [sql, graphql] = [median(times.sql), median(times.graphql)];
    print(
      `${trackers} trackers, latest position and 24 hours each: ${statements.length} statements, ${bytes} bytes of JSON`,
    );
    print(`  SQL      median ${sql.toFixed(0)} ms   ${times.sql.map((ms) => ms.toFixed(0)).join(' ')}`);
    print(
      `  GraphQL  median ${graphql.toFixed(0)} ms   ${times.graphql.map((ms) => ms.toFixed(0)).join(' ')}`,
    );
    print(`  ratio ${(graphql / sql).toFixed(2)}`);
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

async function post(query: string, port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const text = await response.text();
  if (text.includes('"errors"')) throw new Error(text.slice(0, 500));
  return text;
}

/** Records the statements that the driver receives during `work`. The application has no other role that sends any. */
async function recordStatements(work: () => Promise<unknown>): Promise<Statement[]> {
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
    await work();
  } finally {
    prototype.query = original;
  }
  return statements;
}

/** Stores one report per hour and tracker for the last 40 hours. */
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
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

await main();
