import type { SourceReport, Telemetry } from '../report-source.js';
import { mustBe, RejectedItemError, undecodable } from './source-errors.js';
import { timestampFromEpoch, timestampFromText } from './timestamp.js';

/** A parsed report; its source adds the position in the file. */
export type ParsedReport = Omit<SourceReport, 'position'>;
type Optional = Omit<ParsedReport, 'timestamp' | 'latitude' | 'longitude' | keyof Telemetry>;
/** Telemetry of an item; telemetry.ts parses the values. */
export type TelemetryValues = { readonly [Field in keyof Telemetry]: Telemetry[Field] | undefined };
type Draft = { -readonly [Field in keyof ParsedReport]: ParsedReport[Field] };

export type Fields = Readonly<Record<string, unknown>>;

const INT32 = 2_147_483_648;
/** PostgreSQL cannot store U+0000 or lone surrogates; U+FFFD replaces bytes that were not UTF-8. */
const INVALID_CHARACTER = /[\0\uFFFD\p{Surrogate}]/u;
/**
 * Maximum length of a key and of the name of a city. A key is the base64 of a hash, 44 characters; one of several
 * thousand would not fit in an index, and would fail its whole batch.
 */
const MAX_TEXT = 200;
/** Longer texts are neither times nor numbers, and some regular expressions would take very long to reject them. */
const MAX_SHORT = 100;
const DECIMAL = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;
const EPOCH = /^[+-]?\d+(?:\.\d+)?$/;
const ZONE_NAME = /\s*(?:UTC|GMT)$/i;
/** Google wrote some longitudes as unsigned 32-bit numbers. */
const WRAPPED_ABOVE = 1.8e9;

/** Builds a report without undefined fields, so that the reports of all sources look the same. */
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
export function objectOf(name: string, value: unknown): Fields {
  if (!isObject(value)) {
    throw mustBe(name, 'an object', value);
  }
  return value;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is neither missing, null nor (in a table) empty. */
export function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/**
 * Parses a time from text or a number. A number, even one written as text, is a Unix time.
 *
 * @param withoutOffset as in {@link timestampFromText}.
 * @throws RejectedItemError
 */
export function timeFrom(field: string, value: unknown, withoutOffset: 'utc' | 'reject' = 'reject'): string {
  if (!isPresent(value)) {
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
  return timestampFromText(field, isShort(text) ? text.replace(ZONE_NAME, 'Z') : text, withoutOffset);
}

/**
 * Returns a latitude or longitude.
 *
 * @param example of an allowed value, for the error.
 * @throws RejectedItemError
 */
export function degrees(field: string, value: unknown, example = '53.8633'): number {
  if (!isPresent(value)) {
    throw new RejectedItemError('no_position', `${field} is missing`);
  }
  const number = numberFrom(value);
  if (number === undefined) {
    throw mustBe(field, `a number like ${example}`, value);
  }
  return number;
}

/** Degrees times 10,000,000, as Google writes them. */
export function degreesE7(field: string, value: unknown): number {
  const number = degrees(field, value, '538633000');
  return (number > WRAPPED_ABOVE ? number - 2 ** 32 : number) / 1e7;
}

/** Parses metres; undefined for an invalid or negative value (-1 is "unknown" on iOS), so that the report is kept. */
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

/** Parses a name; undefined if it is missing. Numbers are names too (Google's deviceTag). @throws RejectedItemError */
export function nameFrom(field: string, value: unknown): string | undefined {
  if (!isPresent(value)) {
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
  if (value.length > MAX_TEXT) {
    throw undecodable(`${field} is longer than ${MAX_TEXT} characters`);
  }
  return value;
}

/** Whether PostgreSQL can store the text. */
export function isText(value: string): boolean {
  return !INVALID_CHARACTER.test(value);
}

/** Whether the text is short enough for a number or a time. */
export function isShort(text: string): boolean {
  return text.length <= MAX_SHORT;
}

/** Parses a decimal number; strict, unlike Number(), which accepts '', '0x10' and 'Infinity'. */
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
