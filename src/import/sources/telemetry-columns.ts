import type { Column, NamedColumn } from './column-names.js';
import { FOOT, KMH, KNOT, MPH } from './telemetry.js';

/** Telemetry columns of a table, or properties of a GeoJSON feature. */
export interface TelemetryColumns {
  readonly altitude: QuantityColumn | undefined;
  readonly speed: QuantityColumn | undefined;
  readonly course: QuantityColumn | undefined;
  readonly battery: QuantityColumn | undefined;
  readonly motion: Column | undefined;
}

export interface QuantityColumn extends Column {
  /** Factor from the unit in the name to ours. */
  readonly factor: number;
}

/** Factors to our unit, by the unit at the end of a column name. */
type Units = ReadonlyMap<string, number>;

/**
 * If several columns match, the earliest name in a list wins. Left out on purpose: OwnTracks' `vel`, which is in km/h
 * there and in other units elsewhere.
 */
const ALTITUDE = ['altitude', 'alt', 'elevation', 'ele'];
const SPEED = ['speed', 'velocity'];
const COURSE = ['course', 'heading', 'bearing', 'direction', 'cog'];
const BATTERY_LEVEL = ['batterylevel', 'battlevel'];
const BATTERY = ['battery', 'batt', ...BATTERY_LEVEL];
const MOTION = ['motion', 'motionactivity', 'activity'];

const ALTITUDE_UNITS = units([1, 'm meter meters metre metres'], [FOOT, 'ft foot feet']);
const SPEED_UNITS = units(
  [1, 'ms mps meterspersecond metrespersecond'],
  [KMH, 'kmh kph kmph kmhr kmperhour kilometersperhour kilometresperhour'],
  [MPH, 'mph milesperhour'],
  [KNOT, 'kn kt kts knot knots'],
  [FOOT, 'fts fps ftps feetpersecond'],
);
const COURSE_UNITS = units([1, 'deg degree degrees']);
const BATTERY_UNITS = units([1, 'percent percentage pct perc']);

/**
 * Column names of Traccar, whose speed is in knots and whose attribute `battery` is a voltage.
 *
 * https://github.com/traccar/traccar/blob/master/src/main/java/org/traccar/reports/CsvExportProvider.java
 */
const TRACCAR = ['fixtime', 'deviceid', 'protocol', 'servertime', 'devicetime'];

export function telemetryColumnsOf(columns: readonly NamedColumn[]): TelemetryColumns {
  const isTraccar = isTraccarTable(columns);
  return {
    altitude: quantityIn(columns, ALTITUDE, ALTITUDE_UNITS),
    speed: quantityIn(columns, SPEED, SPEED_UNITS, isTraccar ? KNOT : 1),
    course: quantityIn(columns, COURSE, COURSE_UNITS),
    battery: quantityIn(columns, isTraccar ? BATTERY_LEVEL : BATTERY, BATTERY_UNITS),
    motion: MOTION.map((name) => columns.find(({ normalizedName }) => normalizedName === name)).find(
      (found) => found,
    ),
  };
}

/** Whether the table has fixTime and at least one more of Traccar's names. */
function isTraccarTable(columns: readonly NamedColumn[]): boolean {
  const [fixTime, ...others] = TRACCAR.map((name) =>
    columns.some(({ normalizedName }) => normalizedName === name),
  );
  return fixTime === true && others.includes(true);
}

/**
 * Finds a column by name, alone or followed by a unit: `speed`, `speed_kmh`, `Speed (km/h)`. A column with a unit takes
 * precedence over one without. A column with an unknown unit is ignored, as its values would be wrong.
 */
function quantityIn(
  columns: readonly NamedColumn[],
  names: readonly string[],
  units: Units,
  withoutUnit = 1,
): QuantityColumn | undefined {
  for (const name of names) {
    let plain: QuantityColumn | undefined;
    for (const { index, name: written, normalizedName } of columns) {
      const unit = normalizedName.startsWith(name)
        ? normalizedName.slice(name.length).replace(/^in(?=.)/, '')
        : undefined;
      const factor = unit === undefined ? undefined : units.get(unit);
      if (unit === '') {
        plain ??= { index, name: written, factor: withoutUnit };
      } else if (factor !== undefined) {
        return { index, name: written, factor };
      }
    }
    if (plain) {
      return plain;
    }
  }
  return undefined;
}

function units(...lists: readonly (readonly [factor: number, words: string])[]): Units {
  return new Map(lists.flatMap(([factor, words]) => words.split(' ').map((word) => [word, factor] as const)));
}
