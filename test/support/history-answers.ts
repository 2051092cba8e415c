import type { Api } from './application.js';
import {
  type HistoryRow,
  isImprecise,
  reportWithCity,
  shownReport,
  type TestReport,
} from './history-oracle.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A row as the API returns it, without its id. */
export interface AnswerRow extends Omit<ApiRow, 'id' | 'bucketSize'> {
  bucketSize: string;
  exact: boolean;
  altitude: number | null;
  speed: number | null;
  course: number | null;
  battery: number | null;
  motion: string | null;
  imprecise: boolean;
  locatedAt: string;
}

/** The fields of {@link AnswerRow}, for a query. */
export const ANSWER_FIELDS = `timestamp bucketSize exact location { latitude longitude } nearestCity lastReportAt
  firstReportAt reportCount confidence maxConfidence horizontalAccuracy altitude speed course battery motion imprecise
  locatedAt`;

export interface Boundaries {
  horizon: Date;
  cut: Date;
}

interface Bucket {
  start: number;
  end: number;
  size: 'raw' | '1 hour' | '1 day';
  exact: boolean;
}

export type Resolution = 'RAW' | 'HOURLY' | 'DAILY';

/** A row with the start and end of its bucket, in milliseconds. */
export interface OracleRow extends AnswerRow {
  start: number;
  end: number;
}

/** Computes every row of a tracker's history at a resolution, oldest first, in the simplest way. */
export function historyAt(
  reports: readonly TestReport[],
  resolution: Resolution,
  boundaries: Boundaries,
  zone?: string,
): OracleRow[] {
  const counted = new Map<number, TestReport>();
  for (const report of reports) {
    if (!counted.has(report.at.getTime())) counted.set(report.at.getTime(), report);
  }
  const bucketOf = zone
    ? (at: Date): Bucket => zoneDayOf(at, zone, boundaries.horizon)
    : (at: Date): Bucket => utcBucketOf(at, resolution, boundaries);
  const buckets = new Map<string, { bucket: Bucket; reports: TestReport[] }>();
  for (const report of counted.values()) {
    const bucket = bucketOf(report.at);
    const id = `${bucket.start} ${bucket.size}`;
    const entry = buckets.get(id) ?? { bucket, reports: [] };
    entry.bucket.exact &&= bucket.exact;
    entry.reports.push(report);
    buckets.set(id, entry);
  }
  return [...buckets.values()]
    .map((entry) => fold(entry.bucket, entry.reports))
    .sort((a, b) => a.start - b.start);
}

function utcBucketOf(at: Date, resolution: Resolution, { horizon, cut }: Boundaries): Bucket {
  const floor = (width: number): number => Math.floor(at.getTime() / width) * width;
  if (resolution === 'RAW' && at >= horizon) {
    return { start: at.getTime(), end: at.getTime() + 1, size: 'raw', exact: true };
  }
  if (resolution === 'HOURLY' && at >= cut) {
    return { start: floor(HOUR), end: floor(HOUR) + HOUR, size: '1 hour', exact: true };
  }
  return { start: floor(DAY), end: floor(DAY) + DAY, size: '1 day', exact: true };
}

/** Before the horizon, the UTC day is used for the local day of the same date. */
function zoneDayOf(at: Date, zone: string, horizon: Date): Bucket {
  const isKnown = at >= horizon;
  const date = dateIn(isKnown ? zone : 'UTC', at);
  const start = firstMomentOf(date, zone);
  const end = firstMomentOf(nextDate(date), zone);
  const isUtcDay = start === Date.parse(`${date}T00:00:00Z`) && end === start + DAY;
  return { start, end, size: '1 day', exact: isUtcDay || (isKnown && start >= horizon.getTime()) };
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Local date in that zone, as YYYY-MM-DD. */
function dateIn(zone: string, at: Date): string {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
    formats.set(zone, format);
  }
  return format.format(at);
}

function nextDate(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + DAY).toISOString().slice(0, 10);
}

/** Searches in steps of 15 minutes: in every current zone a day starts on one. */
function firstMomentOf(date: string, zone: string): number {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  for (let moment = midnight - 15 * HOUR; moment < midnight + 15 * HOUR; moment += HOUR / 4) {
    if (dateIn(zone, new Date(moment)) === date) return moment;
  }
  throw new Error(`${zone} has no ${date}`);
}

function fold(bucket: Bucket, reports: TestReport[]): OracleRow {
  const sorted = [...reports].sort((a, b) => a.at.getTime() - b.at.getTime());
  const first = sorted[0] as TestReport;
  const last = sorted.at(-1) as TestReport;
  const report = shownReport(sorted);
  const confidences = sorted.flatMap(({ confidence }) => confidence ?? []);
  return {
    start: bucket.start,
    end: bucket.end,
    timestamp: new Date(bucket.start).toISOString(),
    bucketSize: bucket.size,
    exact: bucket.exact,
    location: { latitude: report.latitude, longitude: report.longitude },
    nearestCity: reportWithCity(sorted)?.city ?? null,
    lastReportAt: last.at.toISOString(),
    firstReportAt: first.at.toISOString(),
    reportCount: sorted.length,
    confidence: report.confidence ?? null,
    maxConfidence: confidences.length > 0 ? Math.max(...confidences) : null,
    horizontalAccuracy: report.accuracy ?? null,
    altitude: report.altitude ?? null,
    speed: report.speed ?? null,
    course: report.course ?? null,
    battery: report.battery ?? null,
    motion: report.motion?.toUpperCase() ?? null,
    imprecise: isImprecise(report),
    locatedAt: report.at.toISOString(),
  };
}

/** The rows that overlap [from, to). */
export function overlapping(rows: readonly OracleRow[], from: Date, to: Date): OracleRow[] {
  return rows.filter(({ start, end }) => end > from.getTime() && start < to.getTime());
}

/** The row as the API returns it. */
export function toAnswerRow(row: OracleRow): AnswerRow {
  const answer: Partial<OracleRow> = { ...row };
  delete answer.start;
  delete answer.end;
  return answer as AnswerRow;
}

/** Splits the rows into `max` equal runs and keeps the newest row of each. */
export function thinned<T>(rows: readonly T[], max: number): T[] {
  if (rows.length <= max) return [...rows];
  const run = (n: number): number => Math.floor((n * max) / rows.length);
  return rows.filter((_, i) => run(i + 1) > run(i));
}

/** The spans of [from, to) without rows, in milliseconds, oldest first. */
export function gapsBetween(
  rows: readonly OracleRow[],
  from: number,
  to: number,
  gapSeconds: number,
): [from: number, to: number][] {
  const gaps: [number, number][] = [];
  let gapStart = from;
  let lastSize = '';
  for (const row of rows) {
    if (row.start - gapStart > (row.bucketSize === 'raw' ? gapSeconds * 1000 : 0))
      gaps.push([gapStart, row.start]);
    gapStart = row.end;
    lastSize = row.bucketSize;
  }
  if (to - gapStart > (lastSize === 'raw' ? gapSeconds * 1000 : 0)) gaps.push([gapStart, to]);
  return gaps;
}

/** Metres between two positions on a sphere, by the angle between their directions. */
export function metresBetween(
  a: { latitude: number; longitude: number },
  b: { latitude: number; longitude: number },
): number {
  const direction = ({ latitude, longitude }: typeof a): [number, number, number] => {
    const [phi, lambda] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180];
    return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
  };
  const [x, y] = [direction(a), direction(b)];
  const distance = Math.hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, distance / 2));
}

/** The fields that the history oracle computes, for a query. */
export const HISTORY_FIELDS = `id timestamp bucketSize location { latitude longitude } nearestCity lastReportAt
  firstReportAt reportCount confidence maxConfidence horizontalAccuracy`;

/** A row with the fields of {@link HISTORY_FIELDS}. */
export interface ApiRow {
  id: string;
  timestamp: string;
  bucketSize: '1 hour' | '1 day';
  location: { latitude: number; longitude: number };
  nearestCity: string | null;
  lastReportAt: string;
  firstReportAt: string;
  reportCount: number;
  confidence: number | null;
  maxConfidence: number | null;
  horizontalAccuracy: number | null;
}

/** Converts a row of the API to the oracle's form. */
export function historyRow(key: string, row: ApiRow): HistoryRow {
  return {
    key,
    size: row.bucketSize,
    bucket: row.timestamp,
    ...row.location,
    lastReportAt: row.lastReportAt,
    firstReportAt: row.firstReportAt,
    reports: row.reportCount,
    confidence: row.confidence,
    maxConfidence: row.maxConfidence,
    accuracy: row.horizontalAccuracy,
    city: row.nearestCity,
  };
}

/** Queries the history of a tracker with `locationHistoryAggregated`. */
export async function aggregated(
  api: Api,
  trackerId: string,
  range: { from: string | Date; to: string | Date },
  bucketSize: '1 hour' | '1 day',
): Promise<ApiRow[]> {
  const { rows } = await api.data<{ rows: ApiRow[] }>(
    `query ($id: ID!, $from: DateTime!, $to: DateTime!, $size: String!) {
       rows: locationHistoryAggregated(trackerId: $id, startTime: $from, endTime: $to, bucketSize: $size) { ${HISTORY_FIELDS} }
     }`,
    { id: trackerId, ...range, size: bucketSize },
  );
  return rows;
}

export const HISTORY = 'locationHistoryAggregated';

/** A query for history with some arguments replaced by GraphQL literals. */
export function historyQuery(replaced: Record<string, string>): string {
  const args = {
    trackerId: '"1"',
    startTime: '"2025-01-01T00:00:00Z"',
    endTime: '"2025-01-02T00:00:00Z"',
    bucketSize: '"1 day"',
    ...replaced,
  };
  return `{ ${HISTORY}(${Object.entries(args)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')}) { id } }`;
}
