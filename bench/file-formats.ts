/**
 * Measures how fast each file format is read compared with NDJSON, and how much memory that needs.
 *
 * Writes the same reports in every format, and reads each file with `openReportSource`, without a database. Each read
 * runs in its own process, and every round reads all formats, so that other load on the machine affects all of them.
 * Memory is the peak of the process minus the peak of a process that reads nothing.
 *
 *   npm run bench:formats -- [--rows 1000000] [--rounds 3]
 *
 * Asserts nothing, because times depend on the machine.
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
import { median } from './bench-server.js';

interface Report {
  at: Date;
  latitude: number;
  longitude: number;
  accuracy: number;
  device: string;
}

interface Measurement {
  reports: number;
  cpuSeconds: number;
  peakMemory: number;
}

interface Format {
  head: string;
  row: (report: Report) => string;
  separator: string;
  tail: string;
}

/** Argument of a process that reads nothing. */
const NO_FILE = '-';

const FORMATS: Readonly<Record<string, Format>> = {
  ndjson: {
    head: '',
    row: ({ at, latitude, longitude, accuracy, device }) =>
      JSON.stringify({ tracker: device, timestamp: at, latitude, longitude, horizontalAccuracy: accuracy }),
    separator: '\n',
    tail: '\n',
  },
  csv: {
    head: 'device,timestamp,latitude,longitude,accuracy\n',
    row: ({ at, latitude, longitude, accuracy, device }) =>
      [device, at.toISOString(), latitude, longitude, accuracy].join(','),
    separator: '\n',
    tail: '\n',
  },
  gpx: {
    head: '<?xml version="1.0"?>\n<gpx version="1.1"><trk><trkseg>\n',
    row: ({ at, latitude, longitude }) =>
      `<trkpt lat="${latitude}" lon="${longitude}"><time>${at.toISOString()}</time></trkpt>`,
    separator: '\n',
    tail: '\n</trkseg></trk></gpx>\n',
  },
  geojson: {
    head: '{"type":"FeatureCollection","features":[\n',
    row: feature,
    separator: ',\n',
    tail: ']}\n',
  },
  overland: { head: '{"locations":[', row: feature, separator: ',', tail: ']}' },
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
    separator: '\n',
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
    separator: ', ',
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
  const measurements = new Map<string, Measurement[]>();
  for (const [name, format] of Object.entries(FORMATS)) {
    await write(join(folder, name), format, rows);
    measurements.set(name, []);
  }
  const idle = (await measureInProcess(NO_FILE)).peakMemory;
  for (let round = 0; round < rounds; round++) {
    for (const [name, list] of measurements) {
      list.push(await measureInProcess(join(folder, name)));
    }
  }
  for (const [name, list] of measurements) {
    const ratio = median(
      list.map(
        ({ cpuSeconds }, round) => (measurements.get('ndjson')?.[round]?.cpuSeconds ?? 0) / cpuSeconds,
      ),
    );
    const perReport = median(list.map(({ cpuSeconds, reports }) => (cpuSeconds / reports) * 1e6));
    const memory = (Math.max(...list.map(({ peakMemory }) => peakMemory)) - idle) / 2 ** 20;
    process.stdout.write(
      `${name.padEnd(15)} ${list[0]?.reports} reports, ${ratio.toFixed(2)} of the rate of NDJSON, ` +
        `${perReport.toFixed(1)} µs of CPU each, ${memory.toFixed(0)} MB above idle\n`,
    );
  }
}

function write(path: string, { head, row, separator, tail }: Format, rows: number): Promise<void> {
  function* parts(): Generator<string> {
    yield head;
    for (let i = 0; i < rows; i++) {
      yield (
        (i > 0 ? separator : '') +
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
  return pipeline(Readable.from(parts()), createWriteStream(path));
}

/** Runs `measure` in a new process. */
async function measureInProcess(path: string): Promise<Measurement> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(import.meta.url),
    '--',
    path,
  ]);
  return JSON.parse(stdout) as Measurement;
}

async function measure(path: string): Promise<Measurement> {
  let reports = 0;
  const before = process.cpuUsage();
  if (path !== NO_FILE) {
    const source = await openReportSource(path, createReadStream(path));
    for await (const batch of source.batches()) {
      reports += batch.reports.length;
    }
  }
  const { user, system } = process.cpuUsage(before);
  return { reports, cpuSeconds: (user + system) / 1e6, peakMemory: process.resourceUsage().maxRSS * 1024 };
}

await main();
