import { type Column, type NamedColumn, namedColumns } from './column-names.js';
import { type TelemetryColumns, telemetryColumnsOf } from './telemetry-columns.js';

/**
 * The columns of a table, or properties of a GeoJSON feature, that are imported, found by name. Case, spaces and
 * punctuation do not matter: `Horizontal Accuracy (m)` is `horizontalaccuracym`.
 */
export interface Columns {
  readonly time: TimeColumn | undefined;
  /** A date column beside a column called time, which may then contain only the time of day. */
  readonly date: Column | undefined;
  readonly latitude: CoordinateColumn | undefined;
  readonly longitude: CoordinateColumn | undefined;
  readonly horizontalAccuracy: Column | undefined;
  readonly tracker: Column | undefined;
  readonly hashedAdvKey: Column | undefined;
  readonly confidence: Column | undefined;
  readonly status: Column | undefined;
  readonly nearestCity: Column | undefined;
  readonly telemetry: TelemetryColumns;
}

export interface TimeColumn extends Column {
  /** Whether the name means that times without an offset are UTC. */
  readonly utc: boolean;
  /** Whether the name means that numbers are milliseconds. */
  readonly millis: boolean;
}

export interface CoordinateColumn extends Column {
  /** Whether values are degrees times 10,000,000. */
  readonly e7: boolean;
}

/**
 * If several columns match, the earliest name in a list wins: Traccar's `fixTime` before its `deviceTime`. Left out on
 * purpose: `hdop`, which is not a radius in metres, and OwnTracks' `tid`, two letters that many trackers share.
 */
const TIME = namesIn(
  'timestamp fixtime tst datetime time date recordedat epoch unixtime unixtimestamp devicetime',
);
const LATITUDE = namesIn('latitude lat latitudedeg latdeg');
const LONGITUDE = namesIn('longitude lon lng long longitudedeg londeg lngdeg');
const ACCURACY = namesIn(
  'horizontalaccuracy haccuracy hacc accuracy acc horizontalaccuracym accuracym accuracymeters accuracymetres',
);
const TRACKER = namesIn('tracker trackername device devicename deviceid trackerid');
const KEY = namesIn('hashedadvkey hashedadvertisementkey');
const CONFIDENCE = namesIn('confidence');
const STATUS = namesIn('status');
const CITY = namesIn('nearestcity city');

export const COLUMNS_NEEDED =
  'a column for the time (timestamp, time, date, fixTime, tst), one for the latitude (latitude, lat) and one for the ' +
  'longitude (longitude, lon, lng)';

export function reportColumnsOf(names: readonly string[]): Columns {
  const columns = namedColumns(names);
  const find = (names: readonly string[]): Column | undefined => firstOf(columns, names, unchanged);
  const time = firstOf(columns, TIME, withoutZoneAndUnit) ?? firstOf(columns, ['utc', 'gmt'], unchanged);
  const date = firstOf(columns, ['date'], withoutZoneAndUnit);
  return {
    time: time && timeColumn(time),
    date: time && withoutZoneAndUnit(time.normalizedName) === 'time' ? date : undefined,
    latitude: coordinateColumn(columns, LATITUDE),
    longitude: coordinateColumn(columns, LONGITUDE),
    horizontalAccuracy: find(ACCURACY),
    tracker: find(TRACKER),
    hashedAdvKey: find(KEY),
    confidence: find(CONFIDENCE),
    status: find(STATUS),
    nearestCity: find(CITY),
    telemetry: telemetryColumnsOf(columns),
  };
}

function firstOf(
  columns: readonly NamedColumn[],
  names: readonly string[],
  normalize: (name: string) => string,
): NamedColumn | undefined {
  for (const name of names) {
    const column = columns.find((each) => normalize(each.normalizedName) === name);
    if (column) {
      return column;
    }
  }
  return undefined;
}

function timeColumn({ index, name, normalizedName }: NamedColumn): TimeColumn {
  return {
    index,
    name,
    utc: /utc|gmt/.test(normalizedName),
    millis: /(?:ms|millis|milliseconds)$/.test(normalizedName),
  };
}

function withoutZoneAndUnit(name: string): string {
  return name.replace(/utc|gmt|ms$|millis$|milliseconds$/g, '');
}

function coordinateColumn(
  columns: readonly NamedColumn[],
  names: readonly string[],
): CoordinateColumn | undefined {
  const degrees = firstOf(columns, names, unchanged);
  const column = degrees ?? firstOf(columns, names, (name) => (name.endsWith('e7') ? name.slice(0, -2) : ''));
  return column && { index: column.index, name: column.name, e7: degrees === undefined };
}

function unchanged(name: string): string {
  return name;
}

function namesIn(list: string): readonly string[] {
  return list.split(' ');
}
