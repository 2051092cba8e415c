import { type Motion, MOTIONS } from '../../../common/telemetry.js';
import type { SourceReport } from '../../report-source.js';
import { type Fields, isInt32, isText, limited } from '../field-values.js';
import { jsonFromLine } from '../lines.source.js';
import { mustBe, RejectedItemError, undecodable } from '../source-errors.js';
import { timestampFromEpoch, timestampFromText } from '../timestamp.js';

type Draft = { -readonly [Field in keyof SourceReport]: SourceReport[Field] };

/**
 * Parses one line of NDJSON, a JSON object.
 *
 * - `timestamp`: RFC 3339 text with an offset, or a Unix time (seconds below 1e11, else milliseconds)
 * - `latitude`, `longitude`: degrees, numbers (not text)
 * - optional: `tracker` (name) or `hashedAdvKey`, `confidence` and `status` (whole numbers), `horizontalAccuracy`
 *   (metres), `nearestCity`, `altitude` (metres), `speed` (metres per second), `course` (degrees), `battery` (percent,
 *   a whole number), `motion` (one of {@link MOTIONS})
 *
 * Unknown fields are ignored, and null counts as missing for optional fields. This is our own format, so a field of the
 * wrong type rejects the line.
 *
 * @throws RejectedItemError with a message that names the field.
 */
export function reportFromLine(line: string, position: number): SourceReport {
  const fields = objectFromLine(line);
  const report: Draft = {
    position,
    timestamp: timestampOf(fields['timestamp']),
    latitude: degrees(fields, 'latitude'),
    longitude: degrees(fields, 'longitude'),
  };
  // Missing fields are left out, not undefined, so that the reports of all sources look the same.
  if (isNotNull(fields['tracker'])) {
    report.tracker = text(fields, 'tracker');
  }
  if (isNotNull(fields['hashedAdvKey'])) {
    report.hashedAdvKey = limitedText(fields, 'hashedAdvKey');
  }
  if (isNotNull(fields['confidence'])) {
    report.confidence = wholeNumber(fields, 'confidence');
  }
  if (isNotNull(fields['horizontalAccuracy'])) {
    report.horizontalAccuracy = number(fields, 'horizontalAccuracy');
  }
  if (isNotNull(fields['status'])) {
    report.status = wholeNumber(fields, 'status');
  }
  if (isNotNull(fields['nearestCity'])) {
    report.nearestCity = limitedText(fields, 'nearestCity');
  }
  addTelemetry(report, fields);
  return report;
}

function addTelemetry(report: Draft, fields: Fields): void {
  if (isNotNull(fields['altitude'])) {
    report.altitude = number(fields, 'altitude');
  }
  if (isNotNull(fields['speed'])) {
    report.speed = number(fields, 'speed');
  }
  if (isNotNull(fields['course'])) {
    report.course = number(fields, 'course');
  }
  if (isNotNull(fields['battery'])) {
    report.battery = percent(fields, 'battery');
  }
  if (isNotNull(fields['motion'])) {
    report.motion = motionOf(fields['motion']);
  }
}

function objectFromLine(line: string): Fields {
  const value = jsonFromLine(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw mustBe('the line', 'a JSON object', value);
  }
  return value as Fields;
}

function isNotNull(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function timestampOf(value: unknown): string {
  if (typeof value === 'string') {
    return timestampFromText('timestamp', value, 'reject');
  }
  if (typeof value === 'number') {
    return timestampFromEpoch('timestamp', value);
  }
  if (value === undefined) {
    throw new RejectedItemError('no_time', 'timestamp is missing');
  }
  throw mustBe('timestamp', 'text or a number', value);
}

function degrees(fields: Fields, field: string): number {
  if (fields[field] === undefined) {
    throw new RejectedItemError('no_position', `${field} is missing`);
  }
  return number(fields, field);
}

function number(fields: Fields, field: string): number {
  const value = fields[field];
  if (typeof value !== 'number') {
    throw mustBe(field, 'a number', value);
  }
  if (!Number.isFinite(value)) {
    throw undecodable(`${field} is too large for a number`); // 1e999 is valid JSON
  }
  return value;
}

function wholeNumber(fields: Fields, field: string): number {
  const value = number(fields, field);
  if (!isInt32(value)) {
    throw mustBe(field, 'a 32-bit whole number', value);
  }
  return value;
}

/** The database rejects a value out of range, but one that overflows its 16-bit column fails the whole batch. */
function percent(fields: Fields, field: string): number {
  const value = number(fields, field);
  if (!Number.isInteger(value) || Math.abs(value) > 32_767) {
    throw mustBe(field, 'a whole number from 0 to 100', value);
  }
  return value;
}

function motionOf(value: unknown): Motion {
  const motion = MOTIONS.find((each) => each === value);
  if (motion === undefined) {
    throw mustBe('motion', `one of ${MOTIONS.join(', ')}`, value);
  }
  return motion;
}

function text(fields: Fields, field: string): string {
  const value = fields[field];
  if (typeof value !== 'string') {
    throw mustBe(field, 'text', value);
  }
  if (value === '') {
    throw undecodable(`${field} is empty`);
  }
  if (!isText(value)) {
    throw mustBe(field, 'valid UTF-8 text', value);
  }
  return value;
}

function limitedText(fields: Fields, field: string): string {
  return limited(field, text(fields, field));
}
