import type { RowSize } from './bucket-size.js';
import type { StoredTelemetry } from '../common/telemetry.js';

/** One row of history as it is read. It shows one report of its bucket. */
export interface LocationHistoryRow extends StoredTelemetry {
  id: string;
  trackerId: string;
  timestamp: Date;
  bucketSize: RowSize;
  latitude: number;
  longitude: number;
  nearestCity: string | null;
  /** Time of the report that it shows. */
  locatedAt: Date;
  lastReportAt: Date;
  firstReportAt: Date;
  reportCount: number;
  confidence: number | null;
  maxConfidence: number | null;
  horizontalAccuracy: number | null;
  status: number | null;
  source: string;
  /** Whether the accuracy of the report was above MAX_ACCURACY_METERS when it came in. */
  imprecise: boolean;
  /** Whether it is of all reports of its time and of no other; where it is not said, it is. */
  exact?: boolean;
}

/** A row of a thinned range, and what is told beside it. */
export interface HistoryPointRow extends Omit<LocationHistoryRow, 'id'> {
  /** Null in the one row of a range that has none. */
  id: string | null;
  endsAt: Date;
  /** False where the row was thinned out, and only tells of a gap before it. */
  isPoint: boolean;
  rowsInRange: number;
  /** There is nothing from then until `timestamp`. */
  gapStart: Date | null;
  /** History is kept from here on. */
  keptFrom: Date;
  /** The database's clock. */
  askedAt: Date;
}
