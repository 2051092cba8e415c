/** A report as tests write it. */
export interface TestReport {
  key: string;
  at: Date;
  latitude: number;
  longitude: number;
  confidence?: number;
  accuracy?: number;
  city?: string;
  altitude?: number;
  speed?: number;
  course?: number;
  battery?: number;
  motion?: string;
  /** As the database decided at ingest; if missing, the default threshold decides. */
  imprecise?: boolean;
}

export const MOTIONS = ['stationary', 'walking', 'running', 'cycling', 'driving'] as const;

/** A row of history as the tests compare it. */
export interface HistoryRow {
  key: string;
  size: '1 hour' | '1 day';
  bucket: string;
  latitude: number;
  longitude: number;
  lastReportAt: string;
  firstReportAt: string;
  reports: number;
  confidence: number | null;
  maxConfidence: number | null;
  accuracy: number | null;
  city: string | null;
}

/** A row with telemetry, and the time of the report that it shows. */
export interface DetailedRow extends HistoryRow {
  altitude: number | null;
  speed: number | null;
  course: number | null;
  battery: number | null;
  motion: string | null;
  imprecise: boolean;
  locatedAt: string;
}

/** The default of MAX_ACCURACY_METERS. */
const MAX_ACCURACY = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Midnight (UTC) of the day that is `days` after the day of `moment`. */
export function utcDay(moment: Date, days = 0): Date {
  return new Date(Math.floor(moment.getTime() / DAY) * DAY + days * DAY);
}

/** A time on the day that is `days` after `today` (UTC), e.g. `at(today, -2, '23:59:59.999')`. */
export function at(today: Date, days: number, time: string): Date {
  return new Date(`${utcDay(today, days).toISOString().slice(0, 10)}T${time}Z`);
}

export function isImprecise({ accuracy = 0, imprecise = accuracy > MAX_ACCURACY }: TestReport): boolean {
  return imprecise;
}

/** The reports that a row may show, oldest first: the precise ones, or all if none is precise. */
function candidates(reports: readonly TestReport[]): TestReport[] {
  const sorted = [...reports].sort((a, b) => a.at.getTime() - b.at.getTime());
  return sorted.every(isImprecise) ? sorted : sorted.filter((report) => !isImprecise(report));
}

/** The report that a row of these reports shows. */
export function shownReport(reports: readonly TestReport[]): TestReport {
  return candidates(reports).at(-1) as TestReport;
}

/** The report whose city a row of these reports shows. */
export function reportWithCity(reports: readonly TestReport[]): TestReport | undefined {
  return candidates(reports).findLast(({ city }) => city !== undefined);
}

/**
 * Computes the history of reports in the simplest way: hours from the cut on, days before it.
 *
 * @param reports in the order of their ingest; of several with the same tracker and millisecond the first counts.
 */
export function expectedHistory(reports: readonly TestReport[], cut: Date): HistoryRow[] {
  return bucketsOf(reports, cut)
    .map((bucket) => foldBucket(bucket, cut))
    .sort(compareRows);
}

/** Computes expectedHistory() with all columns. */
export function detailedHistory(reports: readonly TestReport[], cut: Date): DetailedRow[] {
  return bucketsOf(reports, cut)
    .map((bucket) => ({ ...foldBucket(bucket, cut), ...detailsOf(shownReport(bucket)) }))
    .sort(compareRows);
}

/** Groups reports by history row. */
function bucketsOf(reports: readonly TestReport[], cut: Date): TestReport[][] {
  const counted = new Map<string, TestReport>();
  for (const report of reports) {
    if (!counted.has(identity(report))) counted.set(identity(report), report);
  }
  const buckets = new Map<string, TestReport[]>();
  for (const report of counted.values()) {
    const width = report.at < cut ? DAY : HOUR;
    const bucket = new Date(Math.floor(report.at.getTime() / width) * width).toISOString();
    const id = `${report.key} ${width === DAY ? '1 day' : '1 hour'} ${bucket}`;
    buckets.set(id, [...(buckets.get(id) ?? []), report]);
  }
  return [...buckets.values()];
}

function detailsOf(shown: TestReport): Omit<DetailedRow, keyof HistoryRow> {
  return {
    altitude: shown.altitude ?? null,
    speed: shown.speed ?? null,
    course: shown.course ?? null,
    battery: shown.battery ?? null,
    motion: shown.motion ?? null,
    imprecise: isImprecise(shown),
    locatedAt: shown.at.toISOString(),
  };
}

function foldBucket(reports: TestReport[], cut: Date): HistoryRow {
  const sorted = [...reports].sort((a, b) => a.at.getTime() - b.at.getTime());
  const first = sorted[0] as TestReport;
  const last = sorted.at(-1) as TestReport;
  const shown = shownReport(sorted);
  const width = last.at < cut ? DAY : HOUR;
  const confidences = sorted.flatMap(({ confidence }) => confidence ?? []);
  return {
    key: last.key,
    size: width === DAY ? '1 day' : '1 hour',
    bucket: new Date(Math.floor(last.at.getTime() / width) * width).toISOString(),
    latitude: shown.latitude,
    longitude: shown.longitude,
    lastReportAt: last.at.toISOString(),
    firstReportAt: first.at.toISOString(),
    reports: sorted.length,
    confidence: shown.confidence ?? null,
    maxConfidence: confidences.length > 0 ? Math.max(...confidences) : null,
    accuracy: shown.accuracy ?? null,
    city: reportWithCity(sorted)?.city ?? null,
  };
}

export function compareRows(a: HistoryRow, b: HistoryRow): number {
  return `${a.key} ${a.bucket} ${a.size}` < `${b.key} ${b.bucket} ${b.size}` ? -1 : 1;
}

/** Query for the history in the oracle's form. */
export const READ_HISTORY = (relation: 'location_history_view' | 'location_history'): string => `
  SELECT t.hashed_adv_key AS key, v.bucket_size AS size, v.timestamp AS bucket,
    ST_Y(v.location) AS latitude, ST_X(v.location) AS longitude, v.last_report_at AS "lastReportAt",
    v.first_report_at AS "firstReportAt", v.report_count AS reports, v.confidence,
    v.max_confidence AS "maxConfidence", v.horizontal_accuracy AS accuracy, v.nearest_city AS city, v.altitude, v.speed,
    v.course, v.battery, v.motion, v.imprecise, v.located_at AS "locatedAt"
  FROM ${relation} AS v JOIN trackers AS t ON t.id = v.tracker_id`;

/** Converts rows of READ_HISTORY to the oracle's form and order. */
export function normalize(
  rows: readonly (Omit<DetailedRow, 'bucket' | 'lastReportAt' | 'firstReportAt' | 'locatedAt'> &
    Record<'bucket' | 'lastReportAt' | 'firstReportAt' | 'locatedAt', Date>)[],
): DetailedRow[] {
  return rows
    .map((row) => ({
      ...row,
      bucket: row.bucket.toISOString(),
      lastReportAt: row.lastReportAt.toISOString(),
      firstReportAt: row.firstReportAt.toISOString(),
      locatedAt: row.locatedAt.toISOString(),
    }))
    .sort(compareRows);
}

/** The reports in a database after updates, deletions and closed days, as input of the oracle. */
export class HistoryModel {
  /** In the order of their ingest. */
  reports: TestReport[] = [];

  constructor(public horizon: Date) {}

  /** Adds reports, except those whose tracker and millisecond are known. */
  add(reports: readonly TestReport[]): void {
    const known = new Set(this.reports.map(identity));
    for (const report of reports) {
      if (known.has(identity(report))) continue;
      known.add(identity(report));
      this.reports.push({ ...report });
    }
  }

  raw(): TestReport[] {
    return this.reports.filter(({ at }) => at >= this.horizon);
  }

  /** Applies UPDATE location_reports SET … */
  updateRaw(key: string, from: Date, to: Date, change: Partial<TestReport>): void {
    for (const report of this.raw()) {
      if (report.key === key && report.at >= from && report.at <= to) Object.assign(report, change);
    }
  }

  /** Applies DELETE FROM location_reports … */
  deleteRaw(key: string, from: Date, to: Date): void {
    this.reports = this.reports.filter(
      ({ key: k, at }) => !(k === key && at >= this.horizon && at >= from && at <= to),
    );
  }

  /** Applies update_nearest_city(): of a closed day only the shown report and the one with the city are known. */
  updateCity(key: string, from: Date, to: Date, city: string): void {
    this.updateRaw(key, from, to, { city });
    const days = new Map<number, TestReport[]>();
    for (const report of this.reports) {
      if (report.key !== key || report.at >= this.horizon) continue;
      const day = Math.floor(report.at.getTime() / DAY);
      days.set(day, [...(days.get(day) ?? []), report]);
    }
    for (const reports of days.values()) {
      const known = [shownReport(reports), reportWithCity(reports)];
      const renamed = known.find((report) => report && report.at >= from && report.at <= to);
      if (renamed) renamed.city = city;
    }
  }
}

function identity({ key, at }: TestReport): string {
  return `${key} ${at.getTime()}`;
}
