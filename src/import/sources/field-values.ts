import type { SourceReport, Telemetry } from '../report-source.js';
import { RejectedItemError, shown, undecodable } from './source-errors.js';
import { timestampFromEpoch, timestampFromText } from './timestamp.js';

/** What a decoder makes of an item; where it stood is added by its source. */
export type Decoded = Omit<SourceReport, 'position'>;
type Optional = Omit<Decoded, 'timestamp' | 'latitude' | 'longitude' | keyof Telemetry>;
/** Telemetry as a decoder has it; see telemetry.ts for what its values are made from. */
export type TelemetryValues = { readonly [Field in keyof Telemetry]: Telemetry[Field] | undefined };
type Draft = { -readonly [Field in keyof Decoded]: Decoded[Field] };

export type Fields = Readonly<Record<string, unknown>>;

const INT32 = 2_147_483_648;
/** PostgreSQL has no text with U+0000 or half a character; U+FFFD is what bytes that are not UTF-8 have become. */
const NO_TEXT = /[\0\uFFFD\p{Surrogate}]/u;
/**
 * Characters of a key, and of the name of a city. A key is 44 long as base64 of a hash; one of some thousand fits in no
 * index, and would fail the whole batch that it came with.
 */
const LONGEST_TEXT = 200;
/** Longer texts are no times and no numbers; some patterns would take forever to find that out. */
const MAX_WORD = 100;
const DECIMAL = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;
const EPOCH = /^[+-]?\d+(?:\.\d+)?$/;
const IN_WORDS = /\s*(?:UTC|GMT)$/i;
/** Google wrote some longitudes as unsigned 32-bit numbers. */
const WRAPPED_ABOVE = 1.8e9;

/** Optional fields that are undefined are left out: a report looks the same whichever source it came from. */
export function decoded(
  timestamp: string,
  [latitude, longitude]: readonly [number, number],
  optional: { readonly [Field in keyof Optional]: Optional[Field] | undefined } = {},
  telemetry: TelemetryValues = {},
): Decoded {
  const report: Draft = { timestamp, latitude, longitude };
  const { tracker, hashedAdvKey, confidence, horizontalAccuracy, status, nearestCity } = optional;
  if (tracker !== undefined) report.tracker = tracker;
  if (hashedAdvKey !== undefined) report.hashedAdvKey = hashedAdvKey;
  if (confidence !== undefined) report.confidence = confidence;
  if (horizontalAccuracy !== undefined) report.horizontalAccuracy = horizontalAccuracy;
  if (status !== undefined) report.status = status;
  if (nearestCity !== undefined) report.nearestCity = nearestCity;
  const { altitude, speed, course, battery, motion } = telemetry;
  if (altitude !== undefined) report.altitude = altitude;
  if (speed !== undefined) report.speed = speed;
  if (course !== undefined) report.course = course;
  if (battery !== undefined) report.battery = battery;
  if (motion !== undefined) report.motion = motion;
  return report;
}

/** @throws RejectedItemError when it is no JSON object. */
export function objectOf(what: string, value: unknown): Fields {
  if (!isObject(value)) {
    throw undecodable(`${what} is not an object but ${shown(value)}`);
  }
  return value;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Absent, null, and (in a table) empty are the same: not given. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/**
 * A time as text or number; a number in a text is a Unix time.
 *
 * @param withoutOffset as in {@link timestampFromText}.
 * @throws RejectedItemError
 */
export function timeFrom(field: string, value: unknown, withoutOffset: 'utc' | 'refuse' = 'refuse'): string {
  if (!isGiven(value)) {
    throw new RejectedItemError('no_time', `${field} is missing`);
  }
  if (typeof value === 'number') {
    return timestampFromEpoch(field, value);
  }
  if (typeof value !== 'string') {
    throw undecodable(`${field} is neither text nor a number but ${shown(value)}`);
  }
  const text = value.trim();
  if (EPOCH.test(text)) {
    return timestampFromEpoch(field, Number(text));
  }
  return timestampFromText(field, isShort(text) ? text.replace(IN_WORDS, 'Z') : text, withoutOffset);
}

/** @throws RejectedItemError */
export function degrees(field: string, value: unknown): number {
  if (!isGiven(value)) {
    throw new RejectedItemError('no_position', `${field} is missing`);
  }
  const number = numberFrom(value);
  if (number === undefined) {
    throw undecodable(`${field} ${shown(value)} is not a number like 53.8633`);
  }
  return number;
}

/** Degrees times 10,000,000, as Google writes them. */
export function degreesE7(field: string, value: unknown): number {
  const number = degrees(field, value);
  return (number > WRAPPED_ABOVE ? number - 2 ** 32 : number) / 1e7;
}

/** What cannot be read, or is negative ("unknown" on iOS), is no reason to lose the position. */
export function metresFrom(value: unknown): number | undefined {
  const number = numberFrom(value);
  return number !== undefined && number >= 0 ? number : undefined;
}

export function wholeNumberFrom(value: unknown): number | undefined {
  const number = numberFrom(value);
  return number !== undefined && isInt32(number) ? number : undefined;
}

export function isInt32(number: number): boolean {
  return Number.isInteger(number) && number >= -INT32 && number < INT32;
}

/** A name; undefined when it is not given. Numbers are names too (Google's deviceTag). */
export function nameFrom(field: string, value: unknown): string | undefined {
  if (!isGiven(value)) {
    return undefined;
  }
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw undecodable(`${field} is not text but ${shown(value)}`);
  }
  const name = String(value).trim();
  if (!isText(name)) {
    throw undecodable(`${field} ${shown(name)} is not valid UTF-8 text`);
  }
  return name === '' ? undefined : short(field, name);
}

/** @throws RejectedItemError when it is too long. */
export function short(field: string, value: string): string {
  if (value.length > LONGEST_TEXT) {
    throw undecodable(`${field} is longer than ${LONGEST_TEXT} characters`);
  }
  return value;
}

/** Whether PostgreSQL can store it. */
export function isText(value: string): boolean {
  return !NO_TEXT.test(value);
}

/** Whether it may be a number or a time at all. */
export function isShort(text: string): boolean {
  return text.length <= MAX_WORD;
}

/** Number() alone would take '', '0x10' and 'Infinity'. */
export function decimal(text: string): number | undefined {
  if (!isShort(text) || !DECIMAL.test(text)) {
    return undefined;
  }
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined; // 1e999
}

export function numberFrom(value: unknown): number | undefined {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value : undefined;
  }
  return typeof value === 'string' ? decimal(value) : undefined;
}
