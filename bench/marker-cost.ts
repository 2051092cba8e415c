/**
 * Measures the cost of refresh markers for writers of reports.
 *
 * Eight writers, each for its own tracker, commit INSERTs as fast as they can: with markers, and with a
 * mark_history_changed() that does nothing, alternating in the same database. Markers are deleted ten times a second,
 * as a refresher does, so that writers notify again and again. Triggers, aggregates and durability are the same.
 * Asserts nothing, because times depend on the machine.
 *
 *   npm run bench:markers -- [--rounds 5] [--seconds 4] [--rows 1]
 *
 * Uses the server of BENCH_DATABASE_URL, whose user must be allowed to create databases and to CHECKPOINT; otherwise
 * starts a private one in a temporary folder.
 */
import { parseArgs } from 'node:util';
import pg from 'pg';
import { describeFailure, EXIT } from '../src/process.js';
import { median, withBenchServer } from './bench-server.js';
import { trackerKey } from './report-file.js';

const WRITERS = 8;
const DELETE_MARKERS_EVERY_MS = 100;
const NO_MARKERS = `CREATE OR REPLACE FUNCTION mark_history_changed(from_time timestamptz, to_time timestamptz) RETURNS void
  LANGUAGE plpgsql AS 'BEGIN END'`;

interface Options {
  rounds: number;
  seconds: number;
  /** Reports per commit. */
  rows: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      rows: { type: 'string', default: '1' },
    },
  });
  const options = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    rows: Number(values.rows),
  };
  await withBenchServer(async (server) => {
    await server.withDatabase(WRITERS, ({ url }) => compare(url, options));
    process.stdout.write(`${await server.describe()}\n`);
  });
}

async function compare(url: string, { rounds, seconds, rows }: Options): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: WRITERS + 2 });
  pool.on('error', () => undefined); // the pool replaces a broken idle connection
  const [{ engine, original } = { engine: '', original: '' }] = (
    await pool.query<{ engine: string; original: string }>(
      `SELECT engine, pg_get_functiondef('mark_history_changed'::regproc) AS original FROM history_state`,
    )
  ).rows;
  const rates: { with: number[]; without: number[] } = { with: [], without: [] };
  const written = { rows: 0 };
  const deletion = setInterval(() => {
    pool.query('DELETE FROM refresh_markers').catch(() => undefined);
  }, DELETE_MARKERS_EVERY_MS);
  try {
    await measureRate(pool, 1, rows, written); // fills caches and opens connections
    for (let round = 0; round < rounds; round++) {
      await pool.query(NO_MARKERS);
      rates.without.push(await measureRate(pool, seconds, rows, written));
      await pool.query(original);
      rates.with.push(await measureRate(pool, seconds, rows, written));
    }
  } finally {
    clearInterval(deletion);
    await pool.end();
  }
  const ratio = median(rates.with.map((rate, i) => rate / (rates.without[i] ?? NaN)));
  process.stdout.write(
    `${engine}: ${WRITERS} writers, ${rows} reports per commit, ${rounds} rounds of ${seconds} s\n` +
      `  commits per second with markers:    ${rates.with.map(Math.round).join(' ')}\n` +
      `  commits per second without markers: ${rates.without.map(Math.round).join(' ')}\n` +
      `  with markers ${ratio.toFixed(2)} of the rate without (median of rounds)\n`,
  );
}

/**
 * Commits per second of all writers together.
 *
 * @param written number of rows so far, so that no report is a duplicate.
 */
async function measureRate(
  pool: pg.Pool,
  seconds: number,
  rows: number,
  written: { rows: number },
): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let commits = 0;
  const write = async (writer: number): Promise<void> => {
    while (performance.now() < end) {
      const first = written.rows;
      written.rows += rows;
      await pool.query(
        `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
         SELECT $1, now() - interval '1 hour' + n * interval '1 millisecond', ST_SetSRID(ST_MakePoint(7, 50), 4326)
         FROM generate_series($2::int, $3::int) AS n`,
        [trackerKey(writer), first, first + rows - 1],
      );
      commits += 1;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  return commits / seconds;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = EXIT.failed;
}
