import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** How the reports of different trackers follow one another in a file; see {@link inOrder}. */
export const ORDERS = ['bursty', 'interleaved'] as const;
export type Order = (typeof ORDERS)[number];

export interface ReportFileOptions {
  rows: number;
  trackers: number;
  order: Order;
  /** Unix times in milliseconds; all reports lie between them. */
  from: number;
  to: number;
}

const POLL_EVERY = 4 * 3_600_000;
/** How far a report may lie from its place in time order within a poll. */
const DISORDER = 8;
const LINES_A_WRITE = 1000;

export function trackerName(tracker: number): string {
  return `bench ${tracker}`;
}

/** As the product computes it for a tracker with a key. */
export function trackerKey(tracker: number): string {
  return createHash('sha256').update(trackerName(tracker)).digest('base64');
}

/** Writes the reports as the product takes them in: NDJSON, each line with the name of its tracker. */
export function writeNdjson(path: string, options: ReportFileOptions): Promise<void> {
  return writeLines(path, options, (report) =>
    JSON.stringify({ tracker: trackerName(report.tracker), ...report.fields }),
  );
}

/** Writes the same reports as rows for a bare COPY; `location` is what the column's type reads. */
export function writeCopyText(
  path: string,
  options: ReportFileOptions,
  location: (longitude: number, latitude: number) => string,
): Promise<void> {
  const keys = Array.from({ length: options.trackers }, (_, tracker) => trackerKey(tracker));
  return writeLines(path, options, ({ tracker, fields: f }) =>
    [
      keys[tracker],
      f.timestamp,
      location(f.longitude, f.latitude),
      f.confidence,
      f.horizontalAccuracy,
      f.status,
      '\\N',
      'ndjson',
    ].join('\t'),
  );
}

interface BenchReport {
  tracker: number;
  fields: {
    timestamp: string;
    latitude: number;
    longitude: number;
    confidence: number;
    horizontalAccuracy: number;
    status: number;
  };
}

async function writeLines(
  path: string,
  options: ReportFileOptions,
  line: (report: BenchReport) => string,
): Promise<void> {
  function* pieces(): Generator<string> {
    let lines: string[] = [];
    for (const [tracker, index] of inOrder(options)) {
      lines.push(line(reportOf(options, tracker, index)) + '\n');
      if (lines.length === LINES_A_WRITE) {
        yield lines.join('');
        lines = [];
      }
    }
    yield lines.join('');
  }
  await pipeline(Readable.from(pieces()), createWriteStream(path));
}

/**
 * Which report comes after which, as pairs of tracker and running number.
 *
 * - `bursty`, what a poller gives: every four hours, tracker after tracker, the reports since the last poll, each up to
 *   eight places away from where it belongs.
 * - `interleaved`: all by time, tracker after tracker one report each.
 */
function* inOrder({ rows, trackers, order, from, to }: ReportFileOptions): Generator<[number, number]> {
  const each = Math.ceil(rows / trackers);
  const burst = order === 'interleaved' ? 1 : Math.max(1, Math.round((each * POLL_EVERY) / (to - from)));
  let left = rows;
  for (let first = 0; first < each; first += burst) {
    for (let at = 0; at < trackers; at++) {
      const size = Math.min(burst, each - first, left);
      for (const index of disordered(first, size, at)) yield [at, index];
      left -= size;
    }
  }
}

/** The numbers from `first` on, shuffled within neighbourhoods of {@link DISORDER}. */
function disordered(first: number, size: number, seed: number): number[] {
  return Array.from({ length: size }, (_, at) => first + at)
    .map((index) => ({ index, place: index + random(seed, index, 1) * DISORDER }))
    .sort((a, b) => a.place - b.place)
    .map(({ index }) => index);
}

/** Always the same report for the same numbers, so that files need no memory. A tracker circles about its home. */
function reportOf(
  { rows, trackers, from, to }: ReportFileOptions,
  tracker: number,
  index: number,
): BenchReport {
  const step = (to - from) / Math.ceil(rows / trackers);
  const at = from + (index + random(tracker, index, 2)) * step;
  const home = { latitude: 36 + 22 * random(tracker, 0, 3), longitude: -9 + 33 * random(tracker, 0, 4) };
  const angle = index / 90;
  return {
    tracker,
    fields: {
      timestamp: new Date(at).toISOString(),
      latitude: rounded(home.latitude + 0.3 * Math.sin(angle) + 0.002 * random(tracker, index, 5)),
      longitude: rounded(home.longitude + 0.4 * Math.cos(angle) + 0.002 * random(tracker, index, 6)),
      confidence: 1 + Math.floor(3 * random(tracker, index, 7)),
      horizontalAccuracy: Math.round(100 * random(tracker, index, 8)),
      status: 32 * Math.floor(4 * random(tracker, index, 9)),
    },
  };
}

/** Find My gives positions to 7 digits, 1 cm. */
function rounded(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7;
}

/** A number in [0, 1) that looks like chance and hangs on its arguments alone. */
function random(a: number, b: number, c: number): number {
  let h = (Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca77) ^ Math.imul(c + 1, 0xc2b2ae3d)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return ((h ^ (h >>> 15)) >>> 0) / 4_294_967_296;
}
