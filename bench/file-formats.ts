/**
 * How fast is each file format read, measured against NDJSON, and how much memory does it take?
 *
 * The same reports are written in every format, and read by `openReportSource` from a file to its end: no database is
 * involved. Each format is read in a process of its own, round after round in turn, so that a machine that is busy for a
 * while slows all of them down; memory is the peak of that process less that of one that read nothing.
 *
 *   npm run bench:formats -- [--rows 1000000] [--rounds 3]
 *
 * Nothing is asserted: times are the machine's.
 */
import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { openReportSource } from '../src/import/sources/open-report-source.js';

interface Report {
  at: Date;
  latitude: number;
  longitude: number;
  accuracy: number;
  device: string;
}

interface Measured {
  reports: number;
  cpuSeconds: number;
  peakMemory: number;
}

interface Format {
  head: string;
  row: (report: Report) => string;
  between: string;
  tail: string;
}

const FORMATS: Readonly<Record<string, Format>> = {
  ndjson: {
    head: '',
    row: ({ at, latitude, longitude, accuracy, device }) =>
      JSON.stringify({ tracker: device, timestamp: at, latitude, longitude, horizontalAccuracy: accuracy }),
    between: '\n',
    tail: '\n',
  },
  csv: {
    head: 'device,timestamp,latitude,longitude,accuracy\n',
    row: ({ at, latitude, longitude, accuracy, device }) =>
      [device, at.toISOString(), latitude, longitude, accuracy].join(','),
    between: '\n',
    tail: '\n',
  },
  gpx: {
    head: '<?xml version="1.0"?>\n<gpx version="1.1"><trk><trkseg>\n',
    row: ({ at, latitude, longitude }) =>
      `<trkpt lat="${latitude}" lon="${longitude}"><time>${at.toISOString()}</time></trkpt>`,
    between: '\n',
    tail: '\n</trkseg></trk></gpx>\n',
  },
  geojson: { head: '{"type":"FeatureCollection","features":[\n', row: feature, between: ',\n', tail: ']}\n' },
  overland: { head: '{"locations":[', row: feature, between: ',', tail: ']}' },
  owntracks: {
    head: '',
    row: ({ at, latitude, longitude, accuracy, device }) =>
      `${at.toISOString()}\t*                 \t` +
      JSON.stringify({
        _type: 'location',
        tst: at.getTime() / 1000,
        lat: latitude,
        lon: longitude,
        acc: accuracy,
        topic: `owntracks/x/${device}`,
      }),
    between: '\n',
    tail: '\n',
  },
  'google-records': {
    head: '{\n  "locations": [',
    row: ({ at, latitude, longitude, accuracy }) =>
      JSON.stringify(
        {
          latitudeE7: Math.round(latitude * 1e7),
          longitudeE7: Math.round(longitude * 1e7),
          accuracy,
          source: 'WIFI',
          deviceTag: 335552189,
          timestamp: at,
        },
        null,
        2,
      ),
    between: ', ',
    tail: ']\n}\n',
  },
};

function feature({ at, latitude, longitude, accuracy, device }: Report): string {
  const properties = { timestamp: at, horizontal_accuracy: accuracy, device_id: device };
  return JSON.stringify({
    type: 'Feature',
    geometry: { type: 'Point', coordinates: [longitude, latitude] },
    properties,
  });
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rows: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '3' } },
  });
  if (positionals[0] !== undefined) {
    process.stdout.write(JSON.stringify(await measure(positionals[0])));
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'tracker-formats-'));
  try {
    await compare(folder, Number(values.rows), Number(values.rounds));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(folder: string, rows: number, rounds: number): Promise<void> {
  const measured = new Map<string, Measured[]>();
  for (const [name, format] of Object.entries(FORMATS)) {
    await write(join(folder, name), format, rows);
    measured.set(name, []);
  }
  const idle = (await measureApart('-')).peakMemory;
  for (let round = 0; round < rounds; round++) {
    for (const [name, list] of measured) {
      list.push(await measureApart(join(folder, name)));
    }
  }
  for (const [name, list] of measured) {
    const ratio = median(
      list.map(({ cpuSeconds }, round) => (measured.get('ndjson')?.[round]?.cpuSeconds ?? 0) / cpuSeconds),
    );
    const perReport = median(list.map(({ cpuSeconds, reports }) => (cpuSeconds / reports) * 1e6));
    const memory = (Math.max(...list.map(({ peakMemory }) => peakMemory)) - idle) / 2 ** 20;
    process.stdout.write(
      `${name.padEnd(15)} ${list[0]?.reports} reports, ${ratio.toFixed(2)} of the rate of NDJSON, ` +
        `${perReport.toFixed(1)} µs of CPU each, ${memory.toFixed(0)} MB above idle\n`,
    );
  }
}

function write(path: string, { head, row, between, tail }: Format, rows: number): Promise<void> {
  function* pieces(): Generator<string> {
    yield head;
    for (let i = 0; i < rows; i++) {
      yield (
        (i > 0 ? between : '') +
        row({
          at: new Date(1_700_000_000_000 + i * 1000 + (i % 1000)),
          latitude: 52 + (i % 1_000_003) / 1e6,
          longitude: 13 + (i % 999_983) / 1e6,
          accuracy: i % 100,
          device: `phone ${i % 500}`,
        })
      );
    }
    yield tail;
  }
  return pipeline(Readable.from(pieces()), createWriteStream(path));
}

async function measureApart(path: string): Promise<Measured> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(import.meta.url),
    '--',
    path,
  ]);
  return JSON.parse(stdout) as Measured;
}

async function measure(path: string): Promise<Measured> {
  let reports = 0;
  const before = process.cpuUsage();
  if (path !== '-') {
    const source = await openReportSource(path, createReadStream(path));
    for await (const batch of source.batches()) {
      reports += batch.reports.length;
    }
  }
  const { user, system } = process.cpuUsage(before);
  return { reports, cpuSeconds: (user + system) / 1e6, peakMemory: process.resourceUsage().maxRSS * 1024 };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

await main();
