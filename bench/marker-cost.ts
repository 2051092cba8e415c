/**
 * What do the dirty markers cost those who write reports?
 *
 * Eight writers, each of a tracker of its own, commit INSERTs as fast as they can: with the markers as they are, and with
 * a mark_history_changed() that does nothing, in turns in the same database and run. Somebody takes the markers away ten
 * times a second, as a refresher does, so that writers notify again and again. Everything else is the same: triggers,
 * aggregates, durability. Nothing is asserted: times are the machine's.
 *
 *   npm run bench:markers -- [--rounds 5] [--seconds 4] [--rows 1]
 *
 * BENCH_DATABASE_URL names a server to use (its user must be allowed to create databases and to CHECKPOINT); otherwise
 * a private one is started in a temporary folder.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedCluster } from '../src/embedded/embedded-cluster.js';
import { describeFailure, EXIT } from '../src/process.js';
import { BenchServer } from './bench-server.js';
import { trackerKey } from './report-file.js';

const WRITERS = 8;
const TAKEN_EVERY_MS = 100;
const NO_MARKERS = `CREATE OR REPLACE FUNCTION mark_history_changed(from_time timestamptz, to_time timestamptz) RETURNS void
  LANGUAGE plpgsql AS 'BEGIN END'`;

interface Options {
  rounds: number;
  seconds: number;
  /** Reports a commit. */
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
  const given = process.env['BENCH_DATABASE_URL'];
  const folder = await mkdtemp(join(tmpdir(), 'tracker-bench-'));
  const cluster = given === undefined ? await startEmbeddedCluster({ dataDir: join(folder, 'data') }) : null;
  try {
    const server = new BenchServer(given ?? cluster?.url ?? '');
    await server.withDatabase(WRITERS, ({ url }) => compare(url, options));
    process.stdout.write(`${await server.describe()}\n`);
  } finally {
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(url: string, { rounds, seconds, rows }: Options): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: WRITERS + 2 });
  pool.on('error', () => undefined); // an idle connection that breaks is replaced
  const [{ engine, original } = { engine: '', original: '' }] = (
    await pool.query<{ engine: string; original: string }>(
      `SELECT engine, pg_get_functiondef('mark_history_changed'::regproc) AS original FROM history_state`,
    )
  ).rows;
  const rates: { with: number[]; without: number[] } = { with: [], without: [] };
  const written = { rows: 0 };
  const takenAway = setInterval(() => {
    pool.query('DELETE FROM refresh_markers').catch(() => undefined);
  }, TAKEN_EVERY_MS);
  try {
    await rateOf(pool, 1, rows, written); // caches and connections
    for (let round = 0; round < rounds; round++) {
      await pool.query(NO_MARKERS);
      rates.without.push(await rateOf(pool, seconds, rows, written));
      await pool.query(original);
      rates.with.push(await rateOf(pool, seconds, rows, written));
    }
  } finally {
    clearInterval(takenAway);
    await pool.end();
  }
  const ratio = median(rates.with.map((rate, i) => rate / (rates.without[i] ?? NaN)));
  process.stdout.write(
    `${engine}: ${WRITERS} writers, ${rows} reports a commit, ${rounds} rounds of ${seconds} s\n` +
      `  commits a second with markers:    ${rates.with.map(Math.round).join(' ')}\n` +
      `  commits a second without markers: ${rates.without.map(Math.round).join(' ')}\n` +
      `  with markers ${ratio.toFixed(2)} of the rate without (median of rounds)\n`,
  );
}

/** Commits a second of all writers together. @param written counts on, so that no report comes twice. */
async function rateOf(
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

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = EXIT.failed;
}
