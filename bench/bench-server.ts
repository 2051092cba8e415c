import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { type AppConfig, loadConfig } from '../src/config/app-config.js';
import { startEmbeddedCluster } from '../src/embedded/embedded-cluster.js';
import { migrate } from '../src/migration/migrator.js';
import { withClient } from '../test/support/servers/database-servers.js';
import { trackerKey, trackerName } from './report-file.js';

/** Column type and COPY text of a position per spatial layer, without the range check of the product. */
export const SPATIAL = {
  builtin: { type: 'point', text: (longitude: number, latitude: number) => `(${longitude},${latitude})` },
  postgis: {
    type: 'geometry(Point, 4326)',
    text: (longitude: number, latitude: number) => `SRID=4326;POINT(${longitude} ${latitude})`,
  },
} as const;

/**
 * Runs `work` with the URL of a server and a temporary folder. Starts a private server if the URL is undefined; deletes
 * the folder and the private server afterwards.
 */
export async function withServer<T>(
  url: string | undefined,
  work: (url: string, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tracker-bench-'));
  try {
    if (url !== undefined) return await work(url, folder);
    const cluster = await startEmbeddedCluster({ dataDir: join(folder, 'data') });
    try {
      return await work(cluster.url, folder);
    } finally {
      await cluster.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs `work` on the server of BENCH_DATABASE_URL, or on a private one. */
export function withBenchServer<T>(work: (server: BenchServer, folder: string) => Promise<T>): Promise<T> {
  return withServer(process.env['BENCH_DATABASE_URL'], (url, folder) => work(new BenchServer(url), folder));
}

/** A database server that creates a new database for each measurement. */
export class BenchServer {
  private databases = 0;

  constructor(private readonly url: string) {}

  /** Runs `work` on a new migrated database with that many trackers, and drops it afterwards. */
  async withDatabase<T>(trackers: number, work: (database: BenchDatabase) => Promise<T>): Promise<T> {
    const name = `bench_${process.pid}_${++this.databases}`;
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    const config = loadConfig({ DATABASE_URL: url.href });
    await withClient(this.url, (client) => client.query(`CREATE DATABASE ${name}`));
    try {
      await migrate(config, url.href);
      const database = new BenchDatabase(url.href, config);
      await database.register(trackers);
      // Flush the setup writes now, so that they do not slow down the measurement.
      await withClient(url.href, (client) => client.query('CHECKPOINT'));
      return await work(database);
    } finally {
      await withClient(this.url, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    }
  }

  /** Server version and settings that affect the results. */
  async describe(): Promise<string> {
    return withClient(this.url, async (client) => {
      const { rows } = await client.query<{ description: string }>(
        `SELECT 'PostgreSQL ' || current_setting('server_version') || string_agg(', ' || name || '=' ||
           current_setting(name), '' ORDER BY name) AS description
         FROM pg_settings
         WHERE name IN ('shared_buffers', 'fsync', 'full_page_writes', 'synchronous_commit', 'max_wal_size', 'jit')`,
      );
      return rows[0]?.description ?? '';
    });
  }
}

/** The migrated database of one measurement. */
export class BenchDatabase {
  constructor(
    readonly url: string,
    readonly config: AppConfig,
  ) {}

  async register(trackers: number): Promise<void> {
    const numbers = Array.from({ length: trackers }, (_, tracker) => tracker);
    await withClient(this.url, (client) =>
      client.query(
        'INSERT INTO trackers (name, hashed_adv_key) SELECT * FROM unnest($1::text[], $2::text[])',
        [numbers.map(trackerName), numbers.map(trackerKey)],
      ),
    );
  }

  spatialLayer(): Promise<keyof typeof SPATIAL> {
    return withClient(this.url, async (client) => {
      const { rows } = await client.query<{ layer: keyof typeof SPATIAL }>(
        'SELECT spatial_layer AS layer FROM history_state',
      );
      return rows[0]?.layer ?? 'builtin';
    });
  }

  /** Copies a prepared file into a plain table by one COPY. @returns the duration in seconds. */
  copyToPlainTable(path: string, type: string, rows: number): Promise<number> {
    return withClient(this.url, async (client) => {
      await client.query(`
        CREATE TABLE plain_reports (
          hashed_adv_key text COLLATE "C" NOT NULL, timestamp timestamptz(3) NOT NULL, location ${type} NOT NULL,
          confidence smallint, horizontal_accuracy float8, status smallint, nearest_city text, source text NOT NULL,
          received_at timestamptz(3) NOT NULL DEFAULT now());
        CREATE UNIQUE INDEX ON plain_reports (hashed_adv_key, timestamp)`);
      const startedAt = performance.now();
      const stream = client.query(
        copyFrom(`COPY plain_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, status,
          nearest_city, source) FROM STDIN`),
      );
      await pipeline(createReadStream(path, { highWaterMark: 1 << 18 }), stream);
      const seconds = (performance.now() - startedAt) / 1000;
      expectRows('COPY', stream.rowCount, rows);
      return seconds;
    });
  }

  /** @throws Error unless every report is stored as a raw report and counted once in the daily history. */
  checkImported(rows: number): Promise<void> {
    return withClient(this.url, async (client) => {
      const { rows: counts } = await client.query<{ raw: number; daily: number }>(
        `SELECT (SELECT count(*)::int FROM location_reports) AS raw,
           (SELECT sum(report_count)::int FROM location_history_days) AS daily`,
      );
      expectRows('the import (raw reports)', counts[0]?.raw, rows);
      expectRows('the import (daily history)', counts[0]?.daily, rows);
    });
  }
}

function expectRows(operation: string, stored: number | null | undefined, expected: number): void {
  if (stored !== expected)
    throw new Error(`${operation} stored ${stored ?? 0} of ${expected} rows; the result is not comparable`);
}

/** Writes a line to standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The middle value, or the mean of the two middle values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
