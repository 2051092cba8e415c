import { join } from 'node:path';
import { ROOT } from './processes.js';
import { existsSync } from 'node:fs';

/** Folder with real input, which is not part of the project; tests that need it are skipped without it. */
export const REAL_DATA = process.env['TEST_REAL_DATA'] ?? join(ROOT, '..', 'shared', 'data');

/** The contents of a file, counted without the product: by regular expressions, `split` and `JSON.parse`. */
export interface Counted {
  /** Items with a position and a time. */
  readonly reports: number;
  /** Different times among them. */
  readonly instants: number;
  /** Items of other kinds, or without time or position. */
  readonly others: number;
  /** Names of the devices. */
  readonly devices: readonly string[];
}

export interface RealFile {
  readonly name: string;
  readonly format: string;
  /** @param text the whole file. */
  readonly count: (text: string) => Counted;
}

/** Files from other software, expected in REAL_FOLDER. */
export const REAL_FILES: readonly RealFile[] = [
  { name: 'gpslogger-2025-05-31.gpx', format: 'gpx', count: countGpx },
  { name: 'gpslogger-2025-06-17.gpx', format: 'gpx', count: countGpx },
  { name: 'google-records.json', format: 'google-records', count: countRecords },
  { name: 'owntracks-2024-03.rec', format: 'owntracks', count: countRec },
  { name: 'overland.json', format: 'overland', count: countOverland },
];

/** The folder of {@link REAL_FILES}; undefined if it does not exist. */
export const REAL_FOLDER = existsSync(join(REAL_DATA, 'real')) ? join(REAL_DATA, 'real') : undefined;

/** A suffix for the names of skipped tests. */
export const SKIP_REAL_FILES =
  REAL_FOLDER === undefined ? ` [skipped: ${join(REAL_DATA, 'real')} does not exist]` : undefined;

function countGpx(text: string): Counted {
  const points = text.split('<trkpt ').slice(1);
  const times = points
    .map((point) => /<time>([^<]+)<\/time>/.exec(point)?.[1])
    .filter((time) => time !== undefined);
  const marks = text.match(/<(?:wpt|rtept) /g) ?? [];
  return counted(times, points.length - times.length + marks.length, []);
}

function countRecords(text: string): Counted {
  const { locations } = JSON.parse(text) as { locations: Record<string, unknown>[] };
  const placed = locations.filter((record) => 'latitudeE7' in record && 'longitudeE7' in record);
  return counted(
    placed.map((record) => record['timestamp']),
    locations.length - placed.length,
    placed.map((record) => String(record['deviceTag'])),
  );
}

function countRec(text: string): Counted {
  const lines = text.split('\n').filter((line) => line !== '');
  const locations = lines.filter((line) => line.includes('"_type":"location"'));
  return counted(
    locations.map((line) => /"tst":(\d+)/.exec(line)?.[1]),
    lines.length - locations.length,
    locations.map((line) => /"topic":"owntracks\/([^"]+)"/.exec(line)?.[1] ?? ''),
  );
}

function countOverland(text: string): Counted {
  const { locations } = JSON.parse(text) as {
    locations: { geometry?: unknown; properties: { timestamp: string; device_id: string } }[];
  };
  const placed = locations.filter(({ geometry }) => geometry);
  return counted(
    placed.map(({ properties }) => properties.timestamp),
    locations.length - placed.length,
    placed.map(({ properties }) => properties.device_id),
  );
}

function counted(times: readonly unknown[], others: number, devices: readonly string[]): Counted {
  return {
    reports: times.length,
    instants: new Set(times).size,
    others,
    devices: [...new Set(devices)].filter((device) => device !== ''),
  };
}
