import type { Motion } from '../common/motion.js';

/** What a device says beside the place; null where it does not say. */
export interface DeviceFields {
  /** Metres above sea level. */
  altitude: number | null;
  /** Metres per second. */
  speed: number | null;
  /** Degrees clockwise from north. */
  course: number | null;
  /** Percent, a whole number. */
  battery: number | null;
  motion: Motion | null;
}
