/**
 * Compares the speed of an import with a plain COPY of the same rows.
 *
 * Both alternate in every round, each into a new database of the same server:
 *
 * 1. **COPY**: one COPY statement of prepared text into a plain table with the columns of `location_reports` and a
 *    unique index on (hashed_adv_key, timestamp). It decodes, checks and counts nothing, and the table has no triggers
 *    and no partitions: no import that keeps a unique index can be faster.
 * 2. **import**: `ImportService.importFile` on an NDJSON file of the same reports, in its own process. It decodes
 *    JSON, finds the tracker of every line, checks every report, detects duplicates, stores raw reports, and updates
 *    hourly and daily history at every commit.
 *
 * The comparison is fair: both use one server with the same settings (fsync on), and write the same rows in the same
 * order with the same driver. They alternate, so that other load on the machine slows both down, and neither time
 * includes the start of a process or the creation of the database. After each import the benchmark checks that every
 * report was stored, and counted once in the daily history.
 *
 * Two orders of reports: `bursty`, like a poller (a few hours of one tracker after the other, roughly sorted), and
 * `interleaved` (all trackers by time). Memory is the peak of the import process minus the peak of a process that loads
 * the same modules and connects, but imports nothing; for the whole file and for a tenth of it.
 *
 *   npm run bench -- [--rows 1000000] [--rounds 3] [--json]
 *
 * Uses the server of BENCH_DATABASE_URL, whose user must be allowed to create databases and to CHECKPOINT; otherwise
 * starts a private one in a temporary folder. Asserts nothing about times, because they depend on the machine.
 */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { DomainError } from '../src/common/errors/domain-error.js';
import { describeFailure, EXIT } from '../src/process.js';
import { type BenchServer, median, SPATIAL, withBenchServer } from './bench-server.js';
import type { ImportMeasurement } from './import-process.js';
import { type Order, ORDERS, type ReportFileOptions, writeCopyText, writeNdjson } from './report-file.js';

const TRACKERS = 500;
/** Short enough that no report gets below the horizon if midnight passes during the run. */
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
  /** Rate of the import divided by the rate of COPY, median of the rounds. */
  ratio: number;
}

interface Result {
  rows: number;
  rounds: number;
  orders: OrderResult[];
  /** Peak memory of an import minus that of a process that imports nothing, in bytes. */
  memory: { rows: number; bytes: number }[];
  machine: string[];
}

async function main(): Promise<void> {
  const { rows, rounds, json } = readFlags();
  const result = await withBenchServer((server, folder) => run(server, folder, rows, rounds));
  process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : describe(result));
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
      '--rows must be a whole number of at least 10, --rounds of at least 1',
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
  const roundsByOrder = new Map<Order, Round[]>(ORDERS.map((order) => [order, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const { ndjson, copyText, order } of files) {
      printProgress(`round ${round} of ${rounds}, ${order}`);
      const copySeconds = await server.withDatabase(TRACKERS, (database) =>
        database.copyToPlainTable(copyText, SPATIAL[layer].type, rows),
      );
      const imported = await importOnce(server, ndjson, rows);
      roundsByOrder.get(order)?.push({
        copySeconds,
        importSeconds: imported.seconds,
        importCpuSeconds: imported.cpuSeconds,
        peakMemory: imported.peakMemory,
      });
    }
  }
  for (const [order, list] of roundsByOrder) {
    orders.push({
      order,
      rounds: list,
      copySeconds: median(list.map((round) => round.copySeconds)),
      importSeconds: median(list.map((round) => round.importSeconds)),
      ratio: median(list.map((round) => round.copySeconds / round.importSeconds)),
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
      (roundsByOrder.get('bursty') ?? []).map((round) => round.peakMemory),
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
  printProgress(
    `${options.order}: ${options.rows} reports, ${megabytes((await stat(ndjson)).size)} MB of NDJSON`,
  );
  return { order: options.order, ndjson, copyText };
}

async function importOnce(server: BenchServer, file: string, rows: number): Promise<ImportMeasurement> {
  return server.withDatabase(TRACKERS, async (database) => {
    const measurement = await importProcess(database.url, file);
    await database.checkImported(rows);
    return measurement;
  });
}

/** Peak memory for a tenth of the file and for all of it, minus that of an idle process; medians of the rounds. */
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
  for (const [i] of wholePeaks.entries()) {
    printProgress(`round ${i + 1} of ${wholePeaks.length}, memory for ${tenth.rows} reports`);
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
  for (const { order, rounds: list, copySeconds, importSeconds, ratio } of orders) {
    lines.push(
      order,
      `  COPY, seconds:   ${list.map((round) => seconds(round.copySeconds)).join('')}   median ${seconds(copySeconds)}`,
      `  import, seconds: ${list.map((round) => seconds(round.importSeconds)).join('')}   median ${seconds(importSeconds)}`,
      `    client CPU:    ${list.map((round) => seconds(round.importCpuSeconds)).join('')}`,
      `  import rate: ${Math.round(rows / importSeconds)} reports per second, ${ratio.toFixed(2)} of the rate of COPY (median of rounds)`,
      '',
    );
  }
  for (const { rows: reports, bytes } of memory) {
    lines.push(`peak memory of the import of ${reports} reports: ${megabytes(bytes)} MB`);
  }
  return [...lines, '', ...machine, ''].join('\n');
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

function printProgress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = EXIT.failed;
}
