/** How a device says that it moves; as the database, NDJSON and exports have it. */
export const MOTIONS = ['stationary', 'walking', 'running', 'cycling', 'driving'] as const;
export type Motion = (typeof MOTIONS)[number];

/** What a device says beside the place, as it is stored: null where it does not say. */
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
