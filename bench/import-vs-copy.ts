/**
 * How fast is the import, measured against what PostgreSQL can do at best with the same rows?
 *
 * In the same run, one right after the other, round after round, each into a fresh database of the same server:
 *
 * 1. **COPY**: a bare COPY, as one statement, of rows that were made ready as text before, into a plain table with the
 *    columns of `location_reports` and a unique index on (hashed_adv_key, timestamp). Nothing is decoded, checked or
 *    counted, there are no triggers and no partitions: no import that keeps a unique index can be faster.
 * 2. **import**: `ImportService.importFile` on the NDJSON file with the same reports, in a process of its own. It decodes
 *    JSON, finds the tracker of every line, checks every report, tells new from known, stores raw reports and keeps
 *    hourly and daily history at every commit.
 *
 * It is fair, because both run on one server with its own settings (durable: fsync on), write the same rows in the
 * same order through the same driver, take turns (a machine that is busy for a while slows both down), and leave
 * out the start of processes and the making of the database. Of each import it is checked that every report was
 * stored, and counted once in the daily history.
 *
 * Two orders: `bursty`, as a poller gives (a few hours of one tracker after the other, roughly sorted), and
 * `interleaved` (all trackers by time). Memory is the peak of the import's process less that of one that loaded the
 * same modules, connected, and imported nothing; for the whole file and for a tenth of it.
 *
 *   npm run bench -- [--rows 1000000] [--rounds 3] [--json]
 *
 * BENCH_DATABASE_URL names a server to use (its user must be allowed to create databases and to CHECKPOINT);
 * otherwise a private one is started in a temporary folder. Nothing is asserted: times are the machine's.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { cpus, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { DomainError } from '../src/common/errors/domain-error.js';
import { startEmbeddedCluster } from '../src/embedded/embedded-cluster.js';
import { describeFailure, EXIT } from '../src/process.js';
import { BenchServer, SPATIAL } from './bench-server.js';
import type { ImportMeasurement } from './import-process.js';
import { type Order, ORDERS, type ReportFileOptions, writeCopyText, writeNdjson } from './report-file.js';

const TRACKERS = 500;
/** So long that no report falls below the horizon when midnight passes during the run. */
const SPAN = 36 * 3_600_000;
const IMPORT_PROCESS = fileURLToPath(new URL('./import-process.js', import.meta.url));

interface Round {
  copySeconds: number;
  importSeconds: number;
  importCpuSeconds: number;
  peakMemory: number;
}

interface OrderResult {
  order: Order;
  rounds: Round[];
  copySeconds: number;
  importSeconds: number;
  /** Median over the rounds of the import's rate as a part of COPY's. */
  ratio: number;
}

interface Result {
  rows: number;
  rounds: number;
  orders: OrderResult[];
  /** Bytes above the process that imports nothing. */
  memory: { rows: number; bytes: number }[];
  machine: string[];
}

async function main(): Promise<void> {
  const { rows, rounds, json } = readFlags();
  const folder = await mkdtemp(join(tmpdir(), 'tracker-bench-'));
  try {
    const given = process.env['BENCH_DATABASE_URL'];
    const cluster =
      given === undefined ? await startEmbeddedCluster({ dataDir: join(folder, 'data') }) : undefined;
    try {
      const server = new BenchServer(given ?? cluster?.url ?? '');
      const result = await run(server, folder, rows, rounds);
      process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : describe(result));
    } finally {
      await cluster?.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function readFlags(): { rows: number; rounds: number; json: boolean } {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const [rows, rounds] = [Number(values.rows), Number(values.rounds)];
  if (!Number.isInteger(rows) || rows < 10 || !Number.isInteger(rounds) || rounds < 1) {
    throw new DomainError(
      'BAD_USER_INPUT',
      '--rows must be a whole number from 10 on, --rounds one from 1 on',
    );
  }
  return { rows, rounds, json: values.json };
}

async function run(server: BenchServer, folder: string, rows: number, rounds: number): Promise<Result> {
  const layer = await server.withDatabase(0, (database) => database.spatialLayer());
  const to = Date.now();
  const base = { trackers: TRACKERS, from: to - SPAN, to };

  const orders: OrderResult[] = [];
  const files = await Promise.all(
    ORDERS.map((order) => makeFiles(folder, { ...base, rows, order }, SPATIAL[layer].text)),
  );
  const measured = new Map<Order, Round[]>(ORDERS.map((order) => [order, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const { ndjson, copyText, order } of files) {
      note(`round ${round} of ${rounds}, ${order}`);
      const copySeconds = await server.withDatabase(TRACKERS, (database) =>
        database.bareCopy(copyText, SPATIAL[layer].type, rows),
      );
      const imported = await importOnce(server, ndjson, rows);
      measured.get(order)?.push({
        copySeconds,
        importSeconds: imported.seconds,
        importCpuSeconds: imported.cpuSeconds,
        peakMemory: imported.peakMemory,
      });
    }
  }
  for (const [order, of] of measured) {
    orders.push({
      order,
      rounds: of,
      copySeconds: median(of.map((round) => round.copySeconds)),
      importSeconds: median(of.map((round) => round.importSeconds)),
      ratio: median(of.map((round) => round.copySeconds / round.importSeconds)),
    });
  }
  return {
    rows,
    rounds,
    orders,
    memory: await measureMemory(
      server,
      folder,
      { ...base, rows, order: 'bursty' },
      (measured.get('bursty') ?? []).map((round) => round.peakMemory),
    ),
    machine: [
      `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, ${megabytes(totalmem())} MB`,
      `${type()} ${release()}, Node.js ${process.version}`,
      await server.describe(),
    ],
  };
}

async function makeFiles(
  folder: string,
  options: ReportFileOptions,
  location: (longitude: number, latitude: number) => string,
): Promise<{ order: Order; ndjson: string; copyText: string }> {
  const ndjson = join(folder, `${options.order}.ndjson`);
  const copyText = join(folder, `${options.order}.copy`);
  await writeNdjson(ndjson, options);
  await writeCopyText(copyText, options, location);
  note(`${options.order}: ${options.rows} reports, ${megabytes((await stat(ndjson)).size)} MB of NDJSON`);
  return { order: options.order, ndjson, copyText };
}

async function importOnce(server: BenchServer, file: string, rows: number): Promise<ImportMeasurement> {
  return server.withDatabase(TRACKERS, async (database) => {
    const measurement = await importProcess(database.url, file);
    await database.checkImported(rows);
    return measurement;
  });
}

/** Peaks, each a median over the rounds, less that of an idle process; those for the whole file were measured before. */
async function measureMemory(
  server: BenchServer,
  folder: string,
  whole: ReportFileOptions,
  wholePeaks: readonly number[],
): Promise<Result['memory']> {
  const tenth = { ...whole, rows: Math.ceil(whole.rows / 10) };
  const file = join(folder, 'tenth.ndjson');
  await writeNdjson(file, tenth);
  const idle: number[] = [];
  const tenthPeaks: number[] = [];
  for (const [at] of wholePeaks.entries()) {
    note(`round ${at + 1} of ${wholePeaks.length}, memory for ${tenth.rows} reports`);
    idle.push(await server.withDatabase(0, async ({ url }) => (await importProcess(url)).peakMemory));
    tenthPeaks.push((await importOnce(server, file, tenth.rows)).peakMemory);
  }
  return [
    { rows: tenth.rows, bytes: median(tenthPeaks) - median(idle) },
    { rows: whole.rows, bytes: median(wholePeaks) - median(idle) },
  ];
}

async function importProcess(url: string, ...files: string[]): Promise<ImportMeasurement> {
  const { stdout } = await promisify(execFile)(process.execPath, [IMPORT_PROCESS, ...files], {
    env: { ...process.env, DATABASE_URL: url },
  });
  return JSON.parse(stdout) as ImportMeasurement;
}

function describe({ rows, rounds, orders, memory, machine }: Result): string {
  const seconds = (value: number): string => value.toFixed(2).padStart(7);
  const lines = [`${rows} reports of ${TRACKERS} trackers, ${rounds} rounds`, ''];
  for (const { order, rounds: of, copySeconds, importSeconds, ratio } of orders) {
    lines.push(
      order,
      `  COPY, seconds:   ${of.map((round) => seconds(round.copySeconds)).join('')}   median ${seconds(copySeconds)}`,
      `  import, seconds: ${of.map((round) => seconds(round.importSeconds)).join('')}   median ${seconds(importSeconds)}`,
      `    of them CPU:   ${of.map((round) => seconds(round.importCpuSeconds)).join('')}   (client)`,
      `  import rate: ${Math.round(rows / importSeconds)} reports a second, ${ratio.toFixed(2)} of COPY's (median of rounds)`,
      '',
    );
  }
  for (const { rows: of, bytes } of memory) {
    lines.push(`peak memory of the import of ${of} reports: ${megabytes(bytes)} MB`);
  }
  return [...lines, '', ...machine, ''].join('\n');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

function note(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = EXIT.failed;
}
