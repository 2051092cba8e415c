import { stringify } from 'csv-stringify/sync';
import type { ExportedTracker, ExportRow } from './export-row.js';

/** A file format of exports. */
export interface ExportFormat {
  contentType: string;
  /** Yields the text of the document in pieces. */
  write(tracker: ExportedTracker, rows: AsyncIterable<ExportRow>): AsyncIterable<string>;
}

/** Rows per piece. */
const BATCH = 200;

async function* batchesOf(rows: AsyncIterable<ExportRow>): AsyncGenerator<ExportRow[]> {
  let batch: ExportRow[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

type Value = string | number | boolean | null;

/** A row with field names that an import also understands, so that an export can be imported again. */
function record({ id, name }: ExportedTracker, row: ExportRow): Record<string, Value> {
  return {
    tracker: name,
    trackerId: id,
    timestamp: row.time.toISOString(),
    latitude: row.latitude,
    longitude: row.longitude,
    horizontalAccuracy: row.horizontalAccuracy,
    confidence: row.confidence,
    status: row.status,
    nearestCity: row.nearestCity,
    source: row.source,
    altitude: row.altitude,
    speed: row.speed,
    course: row.course,
    battery: row.battery,
    motion: row.motion,
    imprecise: row.imprecise,
    ...(row.bucketSize !== undefined && {
      bucketSize: row.bucketSize,
      bucketStart: row.bucketStart?.toISOString() ?? null,
      reportCount: row.reportCount ?? null,
      firstReportAt: row.firstReportAt?.toISOString() ?? null,
      lastReportAt: row.lastReportAt?.toISOString() ?? null,
      locatedAt: row.locatedAt?.toISOString() ?? null,
    }),
  };
}

/** New columns go at the end, for readers that use column numbers. */
const CSV_COLUMNS = [
  'tracker', 'trackerId', 'timestamp', 'latitude', 'longitude', 'horizontalAccuracy', 'confidence', 'status',
  'nearestCity', 'source', 'bucketSize', 'bucketStart', 'reportCount', 'firstReportAt',
  'altitude', 'speed', 'course', 'battery', 'motion', 'imprecise', 'lastReportAt', 'locatedAt',
]; // prettier-ignore

/**
 * Prefixes an apostrophe to text that a spreadsheet would run as a formula. Text that starts with an apostrophe gets one too,
 * so a reader can always strip one to recover the original. Numbers stay unchanged. Source: OWASP, CSV Injection.
 */
function spreadsheetSafe(text: string): string {
  return /^[=+\-@\t\r']/.test(text) ? `'${text}` : text;
}

async function* writeCsv(tracker: ExportedTracker, rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  const options = {
    columns: CSV_COLUMNS,
    record_delimiter: 'windows', // RFC 4180
    cast: { string: spreadsheetSafe, boolean: String },
  };
  yield stringify([], { ...options, header: true, bom: true }); // without the BOM, Excel reads UTF-8 as Windows-1252
  for await (const batch of batchesOf(rows)) {
    yield stringify(
      batch.map((row) => record(tracker, row)),
      options,
    );
  }
}

async function* writeNdjson(
  tracker: ExportedTracker,
  rows: AsyncIterable<ExportRow>,
): AsyncGenerator<string> {
  for await (const batch of batchesOf(rows)) {
    yield batch.map((row) => `${JSON.stringify(withoutNulls(record(tracker, row)))}\n`).join('');
  }
}

function withoutNulls(values: Record<string, Value>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

async function* writeGeojson(
  tracker: ExportedTracker,
  rows: AsyncIterable<ExportRow>,
): AsyncGenerator<string> {
  let separator = '\n';
  yield '{"type":"FeatureCollection","features":[';
  for await (const batch of batchesOf(rows)) {
    yield separator + batch.map((row) => JSON.stringify(featureOf(tracker, row))).join(',\n');
    separator = ',\n';
  }
  yield '\n]}\n';
}

/** Coordinates are longitude, latitude and, if known, altitude. Source: RFC 7946, 3.1.1. */
function featureOf(tracker: ExportedTracker, row: ExportRow): object {
  const { latitude, longitude, ...properties } = record(tracker, row);
  return {
    type: 'Feature',
    geometry: {
      type: 'Point',
      coordinates: [longitude, latitude, ...(row.altitude === null ? [] : [row.altitude])],
    },
    properties: withoutNulls(properties),
  };
}

/**
 * GPX 1.1 has no elements for speed, course and so on. Speed and course use Garmin's extension, which has the same units
 * and which many programs read; the other fields use our own namespace.
 */
const GPX_NAMESPACES =
  'xmlns="http://www.topografix.com/GPX/1/1" ' +
  'xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2" ' +
  'xmlns:tracker="urn:x-tracker-location-history"';

async function* writeGpx(tracker: ExportedTracker, rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  yield (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<gpx version="1.1" creator="tracker-location-history" ${GPX_NAMESPACES}>\n` +
    `<trk><name>${xmlText(tracker.name)}</name><trkseg>\n`
  );
  for await (const batch of batchesOf(rows)) {
    yield batch.map(gpxPoint).join('');
  }
  yield '</trkseg></trk>\n</gpx>\n';
}

/** Elements of a point, in the order that the schema requires. Source: www.topografix.com/GPX/1/1/gpx.xsd, wptType. */
function gpxPoint(row: ExportRow): string {
  const { latitude, longitude, altitude, time, nearestCity, source } = row;
  return (
    `<trkpt lat="${decimal(latitude)}" lon="${decimal(longitude)}">` +
    gpxElement('ele', altitude) +
    `<time>${time.toISOString()}</time>` +
    gpxElement('name', nearestCity) +
    gpxElement('src', source) +
    gpxExtensions(row) +
    '</trkpt>\n'
  );
}

function gpxExtensions({ speed, course, horizontalAccuracy, battery, motion }: ExportRow): string {
  const garmin = gpxElement('gpxtpx:speed', speed) + gpxElement('gpxtpx:course', course);
  const all =
    (garmin && `<gpxtpx:TrackPointExtension>${garmin}</gpxtpx:TrackPointExtension>`) +
    gpxElement('tracker:horizontal_accuracy', horizontalAccuracy) +
    gpxElement('tracker:battery', battery) +
    gpxElement('tracker:motion', motion);
  return all && `<extensions>${all}</extensions>`;
}

/** An element, or an empty string for null. */
function gpxElement(name: string, value: string | number | null): string {
  if (value === null) return '';
  return `<${name}>${typeof value === 'number' ? decimal(value) : xmlText(value)}</${name}>`;
}

/** XML decimals have no exponent, which JavaScript uses below a millionth. */
function decimal(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(20).replace(/0+$/, '') : text;
}

const XML_ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Escapes the text of an element; characters that XML 1.0 does not allow become U+FFFD. */
function xmlText(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>]/g, (char) => XML_ENTITIES[char] ?? char);
}

export const EXPORT_FORMATS: Readonly<Record<string, ExportFormat>> = {
  csv: { contentType: 'text/csv; charset=utf-8; header=present', write: writeCsv },
  geojson: { contentType: 'application/geo+json', write: writeGeojson },
  gpx: { contentType: 'application/gpx+xml', write: writeGpx },
  ndjson: { contentType: 'application/x-ndjson', write: writeNdjson },
};
