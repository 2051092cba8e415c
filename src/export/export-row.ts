import type { StoredTelemetry } from '../common/telemetry.js';

/** One exported position of a tracker. */
export interface ExportRow extends StoredTelemetry {
  /** Time of the report, never of a bucket. */
  time: Date;
  latitude: number;
  longitude: number;
  horizontalAccuracy: number | null;
  confidence: number | null;
  status: number | null;
  nearestCity: string | null;
  source: string;
  /** Whether the accuracy radius was above MAX_ACCURACY_METERS when the report was stored. */
  imprecise: boolean;
  /** For history, the hour or day that shows this report; absent for a raw report. */
  bucketSize?: string;
  bucketStart?: Date;
  reportCount?: number;
  firstReportAt?: Date;
  /** Time of the newest report of the hour or day, which may be an imprecise one that is not shown. */
  lastReportAt?: Date;
  /** The same as `time`, under its name in the API. */
  locatedAt?: Date;
}

/** The tracker of an export. */
export interface ExportedTracker {
  id: string;
  name: string;
}
