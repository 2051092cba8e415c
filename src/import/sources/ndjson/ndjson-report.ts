import { type Motion, MOTIONS } from '../../../common/telemetry.js';
import type { SourceReport } from '../../report-source.js';
import { type Fields, isInt32, isText, short } from '../field-values.js';
import { jsonFromLine } from '../lines.source.js';
import { RejectedItemError, shown, undecodable } from '../source-errors.js';
import { timestampFromEpoch, timestampFromText } from '../timestamp.js';

type Draft = { -readonly [Field in keyof SourceReport]: SourceReport[Field] };

/**
 * Decodes one line of NDJSON: one JSON object a line.
 *
 * - `timestamp`: RFC 3339 text with an offset, or a Unix time (seconds below 1e11, else milliseconds)
 * - `latitude`, `longitude`: degrees, numbers (not text)
 * - optional: `tracker` (name) or `hashedAdvKey`, `confidence` and `status` (whole numbers), `horizontalAccuracy` (metres),
 *   `nearestCity`, `altitude` (metres), `speed` (metres per second), `course` (degrees), `battery` (percent, a whole number),
 *   `motion` (one of the words of {@link MOTIONS})
 *
 * Fields that are not known are ignored; an optional field that is null is absent. This is our own format, so a field of
 * the wrong type rejects the line.
 *
 * @throws RejectedItemError with a message that names the field.
 */
export function reportFromLine(line: string, position: number): SourceReport {
  const fields = objectOf(line);
  const report: Draft = {
    position,
    timestamp: timestampOf(fields['timestamp']),
    latitude: degrees(fields, 'latitude'),
    longitude: degrees(fields, 'longitude'),
  };
  // Absent fields are left out, not undefined: a report looks the same whichever source it came from.
  if (isGiven(fields['tracker'])) {
    report.tracker = text(fields, 'tracker');
  }
  if (isGiven(fields['hashedAdvKey'])) {
    report.hashedAdvKey = shortText(fields, 'hashedAdvKey');
  }
  if (isGiven(fields['confidence'])) {
    report.confidence = wholeNumber(fields, 'confidence');
  }
  if (isGiven(fields['horizontalAccuracy'])) {
    report.horizontalAccuracy = number(fields, 'horizontalAccuracy');
  }
  if (isGiven(fields['status'])) {
    report.status = wholeNumber(fields, 'status');
  }
  if (isGiven(fields['nearestCity'])) {
    report.nearestCity = shortText(fields, 'nearestCity');
  }
  addTelemetry(report, fields);
  return report;
}

function addTelemetry(report: Draft, fields: Fields): void {
  if (isGiven(fields['altitude'])) {
    report.altitude = number(fields, 'altitude');
  }
  if (isGiven(fields['speed'])) {
    report.speed = number(fields, 'speed');
  }
  if (isGiven(fields['course'])) {
    report.course = number(fields, 'course');
  }
  if (isGiven(fields['battery'])) {
    report.battery = percent(fields, 'battery');
  }
  if (isGiven(fields['motion'])) {
    report.motion = motionOf(fields['motion']);
  }
}

function objectOf(line: string): Fields {
  const value = jsonFromLine(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw undecodable(`the line is not a JSON object but ${shown(value)}`);
  }
  return value as Fields;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function timestampOf(value: unknown): string {
  if (typeof value === 'string') {
    return timestampFromText('timestamp', value, 'refuse');
  }
  if (typeof value === 'number') {
    return timestampFromEpoch('timestamp', value);
  }
  if (value === undefined) {
    throw new RejectedItemError('no_time', 'timestamp is missing');
  }
  throw undecodable(`timestamp is neither text nor a number but ${shown(value)}`);
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
    throw undecodable(`${field} is not a number but ${shown(value)}`);
  }
  if (!Number.isFinite(value)) {
    throw undecodable(`${field} is too large for a number`); // 1e999 is valid JSON
  }
  return value;
}

function wholeNumber(fields: Fields, field: string): number {
  const value = number(fields, field);
  if (!isInt32(value)) {
    throw undecodable(`${field} is not a whole number of 32 bits but ${shown(value)}`);
  }
  return value;
}

/** The database refuses what is out of range, but its column has 16 bits: a larger number would fail the whole batch. */
function percent(fields: Fields, field: string): number {
  const value = number(fields, field);
  if (!Number.isInteger(value) || Math.abs(value) > 32_767) {
    throw undecodable(`${field} is not a whole number from 0 to 100 but ${shown(value)}`);
  }
  return value;
}

function motionOf(value: unknown): Motion {
  const motion = MOTIONS.find((each) => each === value);
  if (motion === undefined) {
    throw undecodable(`motion is none of ${MOTIONS.join(', ')} but ${shown(value)}`);
  }
  return motion;
}

function text(fields: Fields, field: string): string {
  const value = fields[field];
  if (typeof value !== 'string') {
    throw undecodable(`${field} is not text but ${shown(value)}`);
  }
  if (value === '') {
    throw undecodable(`${field} is empty`);
  }
  if (!isText(value)) {
    throw undecodable(`${field} ${shown(value)} is not valid UTF-8 text`);
  }
  return value;
}

function shortText(fields: Fields, field: string): string {
  return short(field, text(fields, field));
}
