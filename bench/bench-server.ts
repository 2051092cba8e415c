import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { type AppConfig, loadConfig } from '../src/config/app-config.js';
import { migrate } from '../src/migration/migrator.js';
import { withClient } from '../test/support/servers/database-servers.js';
import { trackerKey, trackerName } from './report-file.js';

/** What a bare row's position is in COPY's text, and of which type; without the range check of the product's own. */
export const SPATIAL = {
  builtin: { type: 'point', text: (longitude: number, latitude: number) => `(${longitude},${latitude})` },
  postgis: {
    type: 'geometry(Point, 4326)',
    text: (longitude: number, latitude: number) => `SRID=4326;POINT(${longitude} ${latitude})`,
  },
} as const;

/** A server whose databases each serve one measurement: nothing is left over from the one before. */
export class BenchServer {
  private made = 0;

  constructor(private readonly url: string) {}

  /** Runs `work` on a migrated database with these trackers, which is gone afterwards. */
  async withDatabase<T>(trackers: number, work: (database: BenchDatabase) => Promise<T>): Promise<T> {
    const name = `bench_${process.pid}_${++this.made}`;
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    const config = loadConfig({ DATABASE_URL: url.href });
    await withClient(this.url, (client) => client.query(`CREATE DATABASE ${name}`));
    try {
      await migrate(config, url.href);
      const database = new BenchDatabase(url.href, config);
      await database.register(trackers);
      // What was written to prepare is not to be paid by what is measured.
      await withClient(url.href, (client) => client.query('CHECKPOINT'));
      return await work(database);
    } finally {
      await withClient(this.url, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    }
  }

  /** Facts that the numbers hang on. */
  async describe(): Promise<string> {
    return withClient(this.url, async (client) => {
      const { rows } = await client.query<{ fact: string }>(
        `SELECT 'PostgreSQL ' || current_setting('server_version') || string_agg(', ' || name || '=' ||
           current_setting(name), '' ORDER BY name) AS fact
         FROM pg_settings
         WHERE name IN ('shared_buffers', 'fsync', 'full_page_writes', 'synchronous_commit', 'max_wal_size', 'jit')`,
      );
      return rows[0]?.fact ?? '';
    });
  }
}

/** A migrated database of one measurement. */
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

  /** COPY of a prepared file into a plain table, as one statement; returns the seconds it took. */
  bareCopy(path: string, type: string, rows: number): Promise<number> {
    return withClient(this.url, async (client) => {
      await client.query(`
        CREATE TABLE plain_reports (
          hashed_adv_key text COLLATE "C" NOT NULL, timestamp timestamptz(3) NOT NULL, location ${type} NOT NULL,
          confidence smallint, horizontal_accuracy float8, status smallint, nearest_city text, source text NOT NULL,
          received_at timestamptz(3) NOT NULL DEFAULT now());
        CREATE UNIQUE INDEX ON plain_reports (hashed_adv_key, timestamp)`);
      const begun = performance.now();
      const stream = client.query(
        copyFrom(`COPY plain_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, status,
          nearest_city, source) FROM STDIN`),
      );
      await pipeline(createReadStream(path, { highWaterMark: 1 << 18 }), stream);
      const seconds = (performance.now() - begun) / 1000;
      expectRows('COPY', stream.rowCount, rows);
      return seconds;
    });
  }

  /** @throws Error unless every report is there as a raw report and counted once in the daily history. */
  checkImported(rows: number): Promise<void> {
    return withClient(this.url, async (client) => {
      const { rows: found } = await client.query<{ raw: number; counted: number }>(
        `SELECT (SELECT count(*)::int FROM location_reports) AS raw,
           (SELECT sum(report_count)::int FROM location_history_days) AS counted`,
      );
      expectRows('the import (raw reports)', found[0]?.raw, rows);
      expectRows('the import (daily history)', found[0]?.counted, rows);
    });
  }
}

function expectRows(what: string, got: number | null | undefined, wanted: number): void {
  if (got !== wanted) throw new Error(`${what} took in ${got ?? 'no'} rows of ${wanted}: not comparable`);
}
