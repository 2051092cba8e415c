/**
 * Measures the time from the INSERT of a report until the API returns it, with little and with much history, and
 * compares it with a refresh of the materialized view.
 *
 *   npm run build && TEST_TIMESCALE_URL=postgres://... node dist/bench/freshness.js
 *
 * Uses DATABASE_URL if TEST_TIMESCALE_URL is not set; creates databases on that server and drops them. Runs for a few
 * minutes, mostly to refresh the materialized view.
 */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createApp } from '../src/app.setup.js';
import { loadConfig } from '../src/config/app-config.js';
import { migrate } from '../src/migration/migrator.js';
import { median, print } from './bench-server.js';

const HISTORY_ROWS = [200_000, 2_000_000];
/** Number of daily rows of each tracker. */
const DAYS = 360;
const ROUNDS = 10;
/** Refreshes of the materialized view with few and with many rows, where one takes as long as all ROUNDS together. */
const VIEW_ROUNDS = { few: 10, many: 3 };
const MANY_ROWS = 1_000_000;
const HOUR = 3_600_000;

async function main(): Promise<void> {
  const server = process.env['TEST_TIMESCALE_URL'] ?? process.env['DATABASE_URL'];
  if (server === undefined) throw new Error('Set TEST_TIMESCALE_URL or DATABASE_URL');
  for (const rows of HISTORY_ROWS) {
    const name = `bench_${randomBytes(4).toString('hex')}`;
    await execute(server, `CREATE DATABASE ${name}`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    try {
      await measure(url.href, rows);
    } finally {
      await execute(server, `DROP DATABASE ${name} WITH (FORCE)`);
    }
  }
}

async function execute(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  client.on('error', () => undefined); // the statement fails with the same error
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

async function measure(url: string, rows: number): Promise<void> {
  const config = loadConfig({ DATABASE_URL: url });
  const { engine } = await migrate(config, url);
  const db = new pg.Pool({ connectionString: url, max: 4 });
  db.on('error', () => undefined); // the pool replaces a broken idle connection
  try {
    await fill(db, engine, Math.ceil(rows / DAYS));
    const { rows: counts } = await db.query<{ n: string }>('SELECT count(*) AS n FROM location_history');
    print(`\n${engine}, ${Number(counts[0]?.n).toLocaleString('en')} rows of history`);
    await measureApi(db, config, url);
    await measureView(db, rows < MANY_ROWS ? VIEW_ROUNDS.few : VIEW_ROUNDS.many);
  } finally {
    await db.end();
  }
}

/** Creates trackers with DAYS closed days of history. */
async function fill(db: pg.Pool, engine: string, trackers: number): Promise<void> {
  const [table, column, value] =
    engine === 'timescaledb'
      ? ['location_history_daily_late', '', '']
      : ['location_history_rollups', ', bucket_size', ", '1 day'"];
  await db.query(
    "INSERT INTO trackers (name, hashed_adv_key) SELECT 'tracker ' || i, 'key ' || i FROM generate_series(1, $1) AS i",
    [trackers],
  );
  await db.query(`
    INSERT INTO ${table} (hashed_adv_key, bucket, location, last_report_at, source, report_count, first_report_at,
      confidence, max_confidence, horizontal_accuracy${column})
    SELECT t.hashed_adv_key, d.day, ST_SetSRID(ST_MakePoint(random() * 360 - 180, random() * 180 - 90), 4326),
      d.day + interval '23 hours', 'bench', 24, d.day, 2, 3, 10${value}
    FROM trackers AS t CROSS JOIN (
      SELECT closed_before - make_interval(hours => 24 * i) AS day FROM history_state, generate_series(1, ${DAYS}) AS i
    ) AS d`);
  await db.query('ANALYZE');
  await db.query('REFRESH MATERIALIZED VIEW location_history');
  await db.query('DELETE FROM refresh_markers');
}

const insert = (db: pg.Pool, latitude: number): Promise<unknown> =>
  db.query(
    `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
     VALUES ('key 1', clock_timestamp(), ST_SetSRID(ST_MakePoint(7, $1), 4326))`,
    [latitude],
  );

/**
 * Measures the time until locationHistoryAggregated returns the report, with the application and its refresher running.
 */
async function measureApi(db: pg.Pool, config: ReturnType<typeof loadConfig>, url: string): Promise<void> {
  const app = await createApp(config, url, false);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const { rows } = await db.query<{ id: string }>("SELECT id FROM trackers WHERE hashed_adv_key = 'key 1'");
  const query = `query ($from: DateTime!, $to: DateTime!) { rows: locationHistoryAggregated(
    trackerId: "${rows[0]?.id ?? ''}", startTime: $from, endTime: $to, bucketSize: "1 hour") { location { latitude } } }`;
  const newest = async (): Promise<number | undefined> => {
    const now = Date.now();
    const variables = { from: new Date(now - 2 * HOUR), to: new Date(now + HOUR) };
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data } = (await response.json()) as { data: { rows: { location: { latitude: number } }[] } };
    return data.rows.at(-1)?.location.latitude;
  };
  try {
    const times: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const start = performance.now();
      await insert(db, round / 10);
      while ((await newest()) !== round / 10) await sleep(2);
      if (round > 0) times.push(performance.now() - start); // the first round fills caches and opens connections
      await sleep(500 + Math.random() * 500);
    }
    report('INSERT to GraphQL locationHistoryAggregated("1 hour"), application running', times);
  } finally {
    await app.close();
  }
}

/** Measures the time until the materialized view contains the report, with refreshes by SQL and no application. */
async function measureView(db: pg.Pool, rounds: number): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await insert(db, 20 + round / 10);
    await db.query(
      `CALL refresh_continuous_aggregate('location_history_hourly', NOW() - INTERVAL '1 hour', NOW() + INTERVAL '1 hour')`,
    );
    await db.query('REFRESH MATERIALIZED VIEW CONCURRENTLY location_history');
    times.push(performance.now() - start);
  }
  report('INSERT to location_history, by a refresh of the materialized view', times);
}

function report(name: string, times: number[]): void {
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  print(
    `  ${name}: median ${ms(median(times))} (${ms(Math.min(...times))} to ${ms(Math.max(...times))}, n = ${times.length})`,
  );
}

await main();
