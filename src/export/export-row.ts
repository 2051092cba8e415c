/** One place of a tracker on its way out. */
export interface ExportRow {
  /** When the tracker was there: the time of a report, never of a bucket. */
  time: Date;
  latitude: number;
  longitude: number;
  horizontalAccuracy: number | null;
  confidence: number | null;
  status: number | null;
  nearestCity: string | null;
  source: string;
  /** Of a row of history, the hour or day whose newest report it is; not there for a raw report. */
  bucketSize?: string;
  bucketStart?: Date;
  reportCount?: number;
  firstReportAt?: Date;
}

/** Whose places they are. */
export interface ExportedTracker {
  id: string;
  name: string;
}
