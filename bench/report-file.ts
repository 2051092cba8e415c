import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Orders of the reports in a file; see {@link inOrder}. */
export const ORDERS = ['bursty', 'interleaved'] as const;
export type Order = (typeof ORDERS)[number];

export interface ReportFileOptions {
  rows: number;
  trackers: number;
  order: Order;
  /** All reports have a time in [from, to), in milliseconds since 1970. */
  from: number;
  to: number;
}

const POLL_EVERY = 4 * 3_600_000;
/** Within a poll, the largest distance of a report from its index in time order. */
const DISORDER = 8;
const LINES_PER_WRITE = 1000;

export function trackerName(tracker: number): string {
  return `bench ${tracker}`;
}

/** A hashed advertisement key, in the format of the product. */
export function trackerKey(tracker: number): string {
  return createHash('sha256').update(trackerName(tracker)).digest('base64');
}

/** Writes the reports as NDJSON for an import; each line contains the name of its tracker. */
export function writeNdjson(path: string, options: ReportFileOptions): Promise<void> {
  return writeLines(path, options, (report) =>
    JSON.stringify({ tracker: trackerName(report.tracker), ...report.fields }),
  );
}

/** Writes the same reports as text rows for COPY; `location` formats a position for the type of the column. */
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
  function* chunks(): Generator<string> {
    let lines: string[] = [];
    for (const [tracker, index] of inOrder(options)) {
      lines.push(line(reportOf(options, tracker, index)) + '\n');
      if (lines.length === LINES_PER_WRITE) {
        yield lines.join('');
        lines = [];
      }
    }
    yield lines.join('');
  }
  await pipeline(Readable.from(chunks()), createWriteStream(path));
}

/**
 * The reports in the order of the file, as pairs of tracker and sequence number.
 *
 * - `bursty`, like a poller: every four hours, for one tracker after the other, the reports since the last poll, each
 *   at most {@link DISORDER} positions out of time order.
 * - `interleaved`: one report of each tracker in turn, all by time.
 */
function* inOrder({ rows, trackers, order, from, to }: ReportFileOptions): Generator<[number, number]> {
  const perTracker = Math.ceil(rows / trackers);
  const burst =
    order === 'interleaved' ? 1 : Math.max(1, Math.round((perTracker * POLL_EVERY) / (to - from)));
  let remaining = rows;
  for (let first = 0; first < perTracker; first += burst) {
    for (let tracker = 0; tracker < trackers; tracker++) {
      const size = Math.min(burst, perTracker - first, remaining);
      for (const index of disordered(first, size, tracker)) yield [tracker, index];
      remaining -= size;
    }
  }
}

/** `size` numbers from `first` on, each moved by at most {@link DISORDER}. */
function disordered(first: number, size: number, seed: number): number[] {
  return Array.from({ length: size }, (_, i) => first + i)
    .map((index) => ({ index, sortBy: index + random(seed, index, 1) * DISORDER }))
    .sort((a, b) => a.sortBy - b.sortBy)
    .map(({ index }) => index);
}

/**
 * The report with this number, always the same, so that nothing is kept in memory. A tracker circles around its home.
 */
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

/** Rounds to 7 digits (1 cm), the precision of Find My. */
function rounded(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7;
}

/** A pseudo-random number in [0, 1), determined by the arguments. */
function random(a: number, b: number, c: number): number {
  let h = (Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca77) ^ Math.imul(c + 1, 0xc2b2ae3d)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return ((h ^ (h >>> 15)) >>> 0) / 4_294_967_296;
}
