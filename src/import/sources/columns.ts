import { type Column, type NamedColumn, namedColumns } from './column-names.js';
import { type TelemetryColumns, telemetryColumnsOf } from './telemetry-columns.js';

/**
 * The columns of a table, or properties of a GeoJSON feature, that are imported, found by name. Case, spaces and punctuation
 * do not matter: `Horizontal Accuracy (m)` is `horizontalaccuracym`.
 */
export interface Columns {
  readonly time: TimeColumn | undefined;
  /** A date column beside a column called time, which may then contain only the time of day. */
  readonly date: Column | undefined;
  readonly latitude: PlaceColumn | undefined;
  readonly longitude: PlaceColumn | undefined;
  readonly horizontalAccuracy: Column | undefined;
  readonly tracker: Column | undefined;
  readonly hashedAdvKey: Column | undefined;
  readonly confidence: Column | undefined;
  readonly status: Column | undefined;
  readonly nearestCity: Column | undefined;
  readonly telemetry: TelemetryColumns;
}

export interface TimeColumn extends Column {
  /** The name says that times without an offset are UTC. */
  readonly utc: boolean;
  /** The name says that numbers are milliseconds. */
  readonly millis: boolean;
}

export interface PlaceColumn extends Column {
  /** Degrees times 10,000,000. */
  readonly e7: boolean;
}

/**
 * If several columns match, the earliest name in a list wins: Traccar's time of the fix before that of its server. Left out on
 * purpose: `hdop`, which is not a radius in metres, and OwnTracks' `tid`, two letters that many trackers share.
 */
const TIME = words(
  'timestamp fixtime tst datetime time date recordedat epoch unixtime unixtimestamp devicetime',
);
const LATITUDE = words('latitude lat latitudedeg latdeg');
const LONGITUDE = words('longitude lon lng long longitudedeg londeg lngdeg');
const ACCURACY = words(
  'horizontalaccuracy haccuracy hacc accuracy acc horizontalaccuracym accuracym accuracymeters accuracymetres',
);
const TRACKER = words('tracker trackername device devicename deviceid trackerid');
const KEY = words('hashedadvkey hashedadvertisementkey');
const CONFIDENCE = words('confidence');
const STATUS = words('status');
const CITY = words('nearestcity city');

export const COLUMNS_NEEDED =
  'a column for the time (timestamp, time, date, fixTime, tst), one for the latitude (latitude, lat) and one for the ' +
  'longitude (longitude, lon, lng)';

export function columnsOf(names: readonly string[]): Columns {
  const columns = namedColumns(names);
  const found = (fitting: readonly string[]): Column | undefined => firstOf(columns, fitting, plain);
  const time = firstOf(columns, TIME, timeCore) ?? firstOf(columns, ['utc', 'gmt'], plain);
  const date = firstOf(columns, ['date'], timeCore);
  return {
    time: time && timeColumn(time),
    date: time && timeCore(time.word) === 'time' ? date : undefined,
    latitude: placeColumn(columns, LATITUDE),
    longitude: placeColumn(columns, LONGITUDE),
    horizontalAccuracy: found(ACCURACY),
    tracker: found(TRACKER),
    hashedAdvKey: found(KEY),
    confidence: found(CONFIDENCE),
    status: found(STATUS),
    nearestCity: found(CITY),
    telemetry: telemetryColumnsOf(columns),
  };
}

function firstOf(
  columns: readonly NamedColumn[],
  fitting: readonly string[],
  core: (word: string) => string,
): NamedColumn | undefined {
  for (const word of fitting) {
    const column = columns.find((each) => core(each.word) === word);
    if (column) {
      return column;
    }
  }
  return undefined;
}

function timeColumn({ index, name, word }: NamedColumn): TimeColumn {
  return { index, name, utc: /utc|gmt/.test(word), millis: /(?:ms|millis|milliseconds)$/.test(word) };
}

/** The word without its zone and unit. */
function timeCore(word: string): string {
  return word.replace(/utc|gmt|ms$|millis$|milliseconds$/g, '');
}

function placeColumn(columns: readonly NamedColumn[], fitting: readonly string[]): PlaceColumn | undefined {
  const degrees = firstOf(columns, fitting, plain);
  const column =
    degrees ?? firstOf(columns, fitting, (word) => (word.endsWith('e7') ? word.slice(0, -2) : ''));
  return column && { index: column.index, name: column.name, e7: degrees === undefined };
}

function plain(word: string): string {
  return word;
}

function words(list: string): readonly string[] {
  return list.split(' ');
}
