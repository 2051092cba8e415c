import type { StoredTelemetry } from '../common/telemetry.js';

/** A row of history: a bucket with one of its reports, or a single raw report. */
export interface LocationHistoryRow extends StoredTelemetry {
  id: string;
  trackerId: string;
  timestamp: Date;
  /** A value of BUCKET_SIZES. */
  bucketSize: string;
  latitude: number;
  longitude: number;
  nearestCity: string | null;
  /** Time of the report that the row shows. */
  locatedAt: Date;
  lastReportAt: Date;
  firstReportAt: Date;
  reportCount: number;
  confidence: number | null;
  maxConfidence: number | null;
  horizontalAccuracy: number | null;
  status: number | null;
  source: string;
  /** Whether the accuracy of the report was above MAX_ACCURACY_METERS when it was ingested. */
  imprecise: boolean;
  /** Whether the row covers all reports of its bucket and no others; undefined: true. */
  exact?: boolean;
}

/** A row of a thinned range, with the gap before it and values of the whole range. */
export interface HistoryRangeRow extends Omit<LocationHistoryRow, 'id'> {
  /** Null in the only row of an empty range. */
  id: string | null;
  endsAt: Date;
  /** False if the row was thinned out, and only its gap is used. */
  isPoint: boolean;
  rowsInRange: number;
  /** Start of the gap that ends at `timestamp`; null if there is none. */
  gapStart: Date | null;
  /** Start of the history that is kept. */
  keptFrom: Date;
  /** Time of the query by the database's clock. */
  queriedAt: Date;
}
