import type { SourceReport, Telemetry } from '../report-source.js';
import { mustBe, RejectedItemError, undecodable } from './source-errors.js';
import { timestampFromEpoch, timestampFromText } from './timestamp.js';

/** A parsed item; its source adds the position. */
export type ParsedReport = Omit<SourceReport, 'position'>;
type Optional = Omit<ParsedReport, 'timestamp' | 'latitude' | 'longitude' | keyof Telemetry>;
/** Telemetry of an item; telemetry.ts parses the values. */
export type TelemetryValues = { readonly [Field in keyof Telemetry]: Telemetry[Field] | undefined };
type Draft = { -readonly [Field in keyof ParsedReport]: ParsedReport[Field] };

export type Fields = Readonly<Record<string, unknown>>;

const INT32 = 2_147_483_648;
/** PostgreSQL cannot store U+0000 or lone surrogates; U+FFFD stands for bytes that were not UTF-8. */
const NO_TEXT = /[\0\uFFFD\p{Surrogate}]/u;
/**
 * Maximum length of a key and of the name of a city. A key is the base64 of a hash, 44 characters; one of several thousand
 * would not fit in an index, and would fail its whole batch.
 */
const LONGEST_TEXT = 200;
/** Longer texts are neither times nor numbers; some patterns would take very long to find out. */
const MAX_WORD = 100;
const DECIMAL = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;
const EPOCH = /^[+-]?\d+(?:\.\d+)?$/;
const IN_WORDS = /\s*(?:UTC|GMT)$/i;
/** Google wrote some longitudes as unsigned 32-bit numbers. */
const WRAPPED_ABOVE = 1.8e9;

/** Builds a report without its undefined fields, so that reports look the same whichever source they came from. */
export function parsedReport(
  timestamp: string,
  [latitude, longitude]: readonly [number, number],
  optional: { readonly [Field in keyof Optional]: Optional[Field] | undefined } = {},
  telemetry: TelemetryValues = {},
): ParsedReport {
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

/** @throws RejectedItemError when the value is not a JSON object. */
export function objectOf(what: string, value: unknown): Fields {
  if (!isObject(value)) {
    throw mustBe(what, 'an object', value);
  }
  return value;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Missing, null and (in a table) empty values count as not given. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/**
 * Parses a time given as text or number; a number, also as text, is a Unix time.
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
    throw mustBe(field, 'text or a number', value);
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
    throw mustBe(field, 'a number like 53.8633', value);
  }
  return number;
}

/** Degrees times 10,000,000, as Google writes them. */
export function degreesE7(field: string, value: unknown): number {
  const number = degrees(field, value);
  return (number > WRAPPED_ABOVE ? number - 2 ** 32 : number) / 1e7;
}

/** Undefined for an invalid or negative ("unknown" on iOS) value, which must not cost the position. */
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

/** A name; undefined when not given. Numbers are names too (Google's deviceTag). @throws RejectedItemError */
export function nameFrom(field: string, value: unknown): string | undefined {
  if (!isGiven(value)) {
    return undefined;
  }
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw mustBe(field, 'text', value);
  }
  const name = String(value).trim();
  if (!isText(name)) {
    throw mustBe(field, 'valid UTF-8 text', name);
  }
  return name === '' ? undefined : limited(field, name);
}

/** @throws RejectedItemError when the value is too long. */
export function limited(field: string, value: string): string {
  if (value.length > LONGEST_TEXT) {
    throw undecodable(`${field} is longer than ${LONGEST_TEXT} characters`);
  }
  return value;
}

/** Whether PostgreSQL can store the text. */
export function isText(value: string): boolean {
  return !NO_TEXT.test(value);
}

/** Whether the text is short enough for a number or a time. */
export function isShort(text: string): boolean {
  return text.length <= MAX_WORD;
}

/** Strict, unlike Number(), which accepts '', '0x10' and 'Infinity'. */
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
