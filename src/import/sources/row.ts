import type { Column } from './column-names.js';
import type { Columns, CoordinateColumn } from './columns.js';
import {
  decimal,
  parsedReport,
  type ParsedReport,
  degrees,
  degreesE7,
  isPresent,
  isShort,
  metresFrom,
  nameFrom,
  type TelemetryValues,
  timeFrom,
  wholeNumberFrom,
} from './field-values.js';
import { mustBe, RejectedItemError } from './source-errors.js';
import type { QuantityColumn } from './telemetry-columns.js';
import { altitudeFrom, courseFrom, motionFrom, speedFrom, ambiguousBatteryFrom } from './telemetry.js';
import { timestampFromMillis } from './timestamp.js';

/** Values of a table row, or of the properties of a feature, in the order of the columns. */
export type Row = readonly unknown[];

const TIME_OF_DAY = /^\d\d?:\d\d/;

/** @throws RejectedItemError */
export function timeOfRow(columns: Columns, row: Row): string {
  const { time, date } = columns;
  if (!time) {
    throw new RejectedItemError('no_time', 'the time is missing');
  }
  const value = row[time.index];
  const withoutOffset = time.utc ? 'utc' : 'reject';
  if (time.millis && isPresent(value)) {
    const millis = typeof value === 'number' ? value : decimal(String(value));
    if (millis !== undefined) {
      return timestampFromMillis(time.name, millis);
    }
  }
  if (date && typeof value === 'string' && TIME_OF_DAY.test(value)) {
    return timeFrom(`${date.name} and ${time.name}`, `${String(row[date.index])}T${value}`, withoutOffset);
  }
  return timeFrom(time.name, value, withoutOffset);
}

/**
 * Returns the fields of a row other than time, position and telemetry. An invalid number is left out: another program
 * may use the column for something else, and the position is still valid.
 *
 * @throws RejectedItemError for names that are not text.
 */
export function otherFieldsOfRow(columns: Columns, row: Row): Parameters<typeof parsedReport>[2] {
  return {
    tracker: nameIn(columns.tracker, row),
    hashedAdvKey: nameIn(columns.hashedAdvKey, row),
    confidence: columns.confidence && wholeNumberFrom(row[columns.confidence.index]),
    horizontalAccuracy:
      columns.horizontalAccuracy && metresFrom(withPoint(row[columns.horizontalAccuracy.index])),
    status: columns.status && wholeNumberFrom(row[columns.status.index]),
    nearestCity: nameIn(columns.nearestCity, row),
  };
}

export function telemetryOfRow({ telemetry }: Columns, row: Row): TelemetryValues {
  const { altitude, speed, course, battery, motion } = telemetry;
  return {
    altitude: altitude && altitudeFrom(valueIn(altitude, row), altitude.factor),
    speed: speed && speedFrom(valueIn(speed, row), speed.factor),
    course: course && courseFrom(valueIn(course, row)),
    battery: battery && ambiguousBatteryFrom(valueIn(battery, row)),
    motion: motion && motionFrom(row[motion.index]),
  };
}

/** @throws RejectedItemError */
export function reportOfRow(columns: Columns, row: Row): ParsedReport {
  const timestamp = timeOfRow(columns, row);
  const latitude = degreesIn(columns.latitude, row, 'N', 'S');
  const longitude = degreesIn(columns.longitude, row, 'E', 'W');
  return parsedReport(
    timestamp,
    [latitude, longitude],
    otherFieldsOfRow(columns, row),
    telemetryOfRow(columns, row),
  );
}

function valueIn({ index }: QuantityColumn, row: Row): unknown {
  return withPoint(row[index]);
}

function nameIn(column: Column | undefined, row: Row): string | undefined {
  return column && nameFrom(column.name, row[column.index]);
}

/** Parses a number: plain, times 1e7, with a decimal comma, or with a degree sign and a direction: `13,4° W`. */
function degreesIn(column: CoordinateColumn | undefined, row: Row, plus: string, minus: string): number {
  if (!column) {
    throw new RejectedItemError('no_position', 'the position is missing');
  }
  const value = withPoint(row[column.index]);
  if (column.e7) {
    return degreesE7(column.name, value);
  }
  const direction =
    typeof value === 'string' && decimal(value) === undefined ? directionOf(value) : undefined;
  const size = decimal(direction?.size ?? '');
  if (direction === undefined || size === undefined) {
    return degrees(column.name, value);
  }
  const letter = direction.letter.toUpperCase();
  if (size < 0 || (letter !== '' && letter !== plus && letter !== minus)) {
    throw mustBe(column.name, `a number with a sign, or with the direction ${plus} or ${minus}`, value);
  }
  return letter === minus ? -size : size;
}

function directionOf(text: string): { size: string; letter: string } | undefined {
  const match = isShort(text) ? /^([NSEW]?)([^NSEW°]*)°?\s*([NSEW]?)$/i.exec(text.trim()) : null;
  const [, before = '', size = '', after = ''] = match ?? [];
  return match === null || (before !== '' && after !== '') ? undefined : { size, letter: before || after };
}

/** Replaces a decimal comma, the only comma in a text without a point. */
function withPoint(value: unknown): unknown {
  return typeof value === 'string' && /^[^.,]*,[^.,]*$/.test(value) ? value.replace(',', '.') : value;
}
