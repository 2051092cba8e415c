/** Kinds of motion that a device reports, as the database, NDJSON and exports spell them. */
export const MOTIONS = ['stationary', 'walking', 'running', 'cycling', 'driving'] as const;
export type Motion = (typeof MOTIONS)[number];

/** Further fields of a report, as stored: null if the device did not send them. */
export interface StoredTelemetry {
  /** Metres above sea level. */
  altitude: number | null;
  /** Metres per second. */
  speed: number | null;
  /** Degrees clockwise from north, 0 to below 360. */
  course: number | null;
  /** Percent, a whole number. */
  battery: number | null;
  motion: Motion | null;
}
