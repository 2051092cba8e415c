import { stringify } from 'csv-stringify/sync';
import type { ExportedTracker, ExportRow } from './export-row.js';

/** The formats of an export, by the ending of its address. */
export interface ExportFormat {
  contentType: string;
  /** The document as text, in pieces. */
  write(tracker: ExportedTracker, rows: AsyncIterable<ExportRow>): AsyncIterable<string>;
}

/** Rows that are written at once. */
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

/** A row under the names that an import of the product reads, too. */
function record({ id, name }: ExportedTracker, row: ExportRow): Record<string, string | number | null> {
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
    ...(row.bucketSize !== undefined && {
      bucketSize: row.bucketSize,
      bucketStart: row.bucketStart?.toISOString() ?? null,
      reportCount: row.reportCount ?? null,
      firstReportAt: row.firstReportAt?.toISOString() ?? null,
    }),
  };
}

const CSV_COLUMNS = [
  'tracker', 'trackerId', 'timestamp', 'latitude', 'longitude', 'horizontalAccuracy', 'confidence', 'status',
  'nearestCity', 'source', 'bucketSize', 'bucketStart', 'reportCount', 'firstReportAt',
]; // prettier-ignore

/**
 * A spreadsheet takes a text that begins so for a formula, and runs it. The apostrophe has it take the cell as text; one
 * that is there already gets another, so that whoever takes one off has what was there. Numbers stay as they are.
 * Source: OWASP, CSV Injection.
 */
function spreadsheetSafe(text: string): string {
  return /^[=+\-@\t\r']/.test(text) ? `'${text}` : text;
}

async function* writeCsv(tracker: ExportedTracker, rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  const options = {
    columns: CSV_COLUMNS,
    record_delimiter: 'windows', // RFC 4180
    cast: { string: spreadsheetSafe },
  };
  yield stringify([], { ...options, header: true, bom: true }); // without the mark Excel takes UTF-8 for Windows-1252
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

function withoutNulls(values: Record<string, string | number | null>): Record<string, unknown> {
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

/** Longitude first. Source: RFC 7946. */
function featureOf(tracker: ExportedTracker, row: ExportRow): object {
  const { latitude, longitude, ...properties } = record(tracker, row);
  return {
    type: 'Feature',
    geometry: { type: 'Point', coordinates: [longitude, latitude] },
    properties: withoutNulls(properties),
  };
}

/** Elements of a point in the order of the schema. Source: www.topografix.com/GPX/1/1/gpx.xsd, wptType. */
async function* writeGpx(tracker: ExportedTracker, rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  yield (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<gpx version="1.1" creator="tracker-location-history" xmlns="http://www.topografix.com/GPX/1/1">\n' +
    `<trk><name>${xmlText(tracker.name)}</name><trkseg>\n`
  );
  for await (const batch of batchesOf(rows)) {
    yield batch
      .map(
        ({ latitude, longitude, time, nearestCity, source }) =>
          `<trkpt lat="${decimal(latitude)}" lon="${decimal(longitude)}"><time>${time.toISOString()}</time>` +
          `${nearestCity === null ? '' : `<name>${xmlText(nearestCity)}</name>`}<src>${xmlText(source)}</src></trkpt>\n`,
      )
      .join('');
  }
  yield '</trkseg></trk>\n</gpx>\n';
}

/** XML's decimals have no exponent, which JavaScript writes below a millionth. */
function decimal(degrees: number): string {
  const text = String(degrees);
  return text.includes('e') ? degrees.toFixed(20).replace(/0+$/, '') : text;
}

const XML_ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Text of an element; what XML 1.0 cannot hold at all becomes U+FFFD. */
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
