import type { Motion } from '../../common/telemetry.js';
import { isShort, numberFrom } from './field-values.js';

/**
 * Parses telemetry values in the formats of other programs. A value that is invalid, out of range or means "unknown" is
 * left out, and the report is kept without it.
 */

/** Factors from other units to ours. */
export const FOOT = 0.3048;
export const KMH = 1 / 3.6;
export const MPH = 0.44704;
export const KNOT = 1852 / 3600;

const LOWEST = -12_000;
const HIGHEST = 100_000;
const FASTEST = 1000;
/** Values that mean an unknown altitude: the usual "no data", and the largest signed and unsigned 16-bit numbers. */
const NO_ALTITUDES: ReadonlySet<number> = new Set([-9999, 0x7fff, 0xffff]);

const MOTION_WORDS: ReadonlyMap<string, Motion> = new Map([
  ['stationary', 'stationary'],
  ['still', 'stationary'],
  ['walking', 'walking'],
  ['onfoot', 'walking'],
  ['running', 'running'],
  ['cycling', 'cycling'],
  ['onbicycle', 'cycling'],
  ['driving', 'driving'],
  ['automotive', 'driving'],
  ['incar', 'driving'],
  ['inbus', 'driving'],
]);
/** Google: IN_VEHICLE, IN_ROAD_VEHICLE, IN_RAIL_VEHICLE and so on; `inVehicle` until 2017. */
const IN_VEHICLE = /^in[a-z]*vehicle$/;

/** @param factor from the unit of `value` to metres. */
export function altitudeFrom(value: unknown, factor = 1): number | undefined {
  const number = numberFrom(value);
  if (number === undefined || NO_ALTITUDES.has(number)) {
    return undefined;
  }
  const altitude = converted(number, factor);
  return altitude >= LOWEST && altitude <= HIGHEST ? altitude : undefined;
}

/** On iOS, an altitude is invalid if its accuracy is negative (CLLocation.verticalAccuracy). */
export function iosAltitudeFrom(value: unknown, verticalAccuracy: unknown): number | undefined {
  return (numberFrom(verticalAccuracy) ?? 0) < 0 ? undefined : altitudeFrom(value);
}

/** @param factor from the unit of `value` to metres per second. */
export function speedFrom(value: unknown, factor = 1): number | undefined {
  const number = numberFrom(value);
  const speed = number === undefined ? -1 : converted(number, factor);
  return speed >= 0 && speed <= FASTEST ? speed : undefined;
}

/** Degrees clockwise from north; 360 becomes 0. */
export function courseFrom(value: unknown): number | undefined {
  const course = numberFrom(value);
  if (course === undefined || course < 0 || course > 360) {
    return undefined;
  }
  return course === 360 ? 0 : course;
}

/** @param factor from the unit of `value` to percent. */
export function batteryFrom(value: unknown, factor = 1): number | undefined {
  const number = numberFrom(value);
  const battery = number === undefined ? -1 : number * factor;
  return battery >= 0 && battery <= 100 ? Math.round(battery) : undefined;
}

/**
 * Parses a percentage, in formats that do not define the unit. A value up to 1 may be a fraction (Overland writes 0.89
 * for 89 %), so it is left out.
 */
export function ambiguousBatteryFrom(value: unknown): number | undefined {
  const number = numberFrom(value);
  return number !== undefined && number > 0 && number <= 1 ? undefined : batteryFrom(value);
}

/** Parses a word in any spelling (`ON_BICYCLE`, `onBicycle`), or the first known word of a list. */
export function motionFrom(value: unknown): Motion | undefined {
  if (!Array.isArray(value)) {
    return motionOf(value);
  }
  for (const word of value) {
    const motion = motionOf(word);
    if (motion !== undefined) {
      return motion;
    }
  }
  return undefined;
}

function motionOf(value: unknown): Motion | undefined {
  if (typeof value !== 'string' || !isShort(value)) {
    return undefined;
  }
  const word = value.toLowerCase().replace(/[^a-z]/g, '');
  return MOTION_WORDS.get(word) ?? (IN_VEHICLE.test(word) ? 'driving' : undefined);
}

/** Rounds converted values to a thousandth; finer digits would only come from the factor. */
function converted(value: number, factor: number): number {
  return factor === 1 ? value : Math.round(value * factor * 1000) / 1000;
}
