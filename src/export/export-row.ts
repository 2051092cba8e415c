import type { StoredTelemetry } from '../common/telemetry.js';

/** One place of a tracker on its way out. */
export interface ExportRow extends StoredTelemetry {
  /** When the tracker was there: the time of a report, never of a bucket. */
  time: Date;
  latitude: number;
  longitude: number;
  horizontalAccuracy: number | null;
  confidence: number | null;
  status: number | null;
  nearestCity: string | null;
  source: string;
  /** Whether the accuracy was above MAX_ACCURACY_METERS when the report came in. */
  imprecise: boolean;
  /** Of a row of history, the hour or day that shows this report; not there for a raw report. */
  bucketSize?: string;
  bucketStart?: Date;
  reportCount?: number;
  firstReportAt?: Date;
  /** Time of the newest report of the hour or day, which may be an imprecise one that is not shown. */
  lastReportAt?: Date;
  /** The same as `time`, under the name that the API has for it. */
  locatedAt?: Date;
}

/** Whose places they are. */
export interface ExportedTracker {
  id: string;
  name: string;
}
