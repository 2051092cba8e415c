import type { Column, NamedColumn } from './column-names.js';
import { FOOT, KMH, KNOT, MPH } from './telemetry.js';

/** Which columns of a table, or properties of a GeoJSON feature, say something beside time and place. */
export interface TelemetryColumns {
  readonly altitude: QuantityColumn | undefined;
  readonly speed: QuantityColumn | undefined;
  readonly course: QuantityColumn | undefined;
  readonly battery: QuantityColumn | undefined;
  readonly motion: Column | undefined;
}

export interface QuantityColumn extends Column {
  /** From the unit that the name states to ours. */
  readonly factor: number;
}

/** Units as they may end the name of a column, with their factors to ours. */
type Units = ReadonlyMap<string, number>;

/**
 * Where several columns fit, the first name of a list is taken. Never among them: OwnTracks' `vel`, which is km/h there
 * and whatever else elsewhere.
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
 * A table of Traccar: its speed is in knots, and `battery` among its attributes is a voltage.
 *
 * https://github.com/traccar/traccar/blob/master/src/main/java/org/traccar/reports/CsvExportProvider.java
 */
const TRACCAR = ['fixtime', 'deviceid', 'protocol', 'servertime', 'devicetime'];

export function telemetryColumnsOf(columns: readonly NamedColumn[]): TelemetryColumns {
  const isTraccar = isTableOfTraccar(columns);
  return {
    altitude: quantityIn(columns, ALTITUDE, ALTITUDE_UNITS),
    speed: quantityIn(columns, SPEED, SPEED_UNITS, isTraccar ? KNOT : 1),
    course: quantityIn(columns, COURSE, COURSE_UNITS),
    battery: quantityIn(columns, isTraccar ? BATTERY_LEVEL : BATTERY, BATTERY_UNITS),
    motion: MOTION.map((name) => columns.find(({ word }) => word === name)).find((found) => found),
  };
}

/** Its fixTime, and one more of the names that it gives. */
function isTableOfTraccar(columns: readonly NamedColumn[]): boolean {
  const [fixTime, ...others] = TRACCAR.map((name) => columns.some(({ word }) => word === name));
  return fixTime === true && others.includes(true);
}

/**
 * The column of a name, alone or with a unit after it: `speed`, `speed_kmh`, `Speed (km/h)`. One that states its unit is
 * taken before one that does not; one whose unit is not known is not taken, so that it gives no wrong value.
 */
function quantityIn(
  columns: readonly NamedColumn[],
  names: readonly string[],
  units: Units,
  withoutUnit = 1,
): QuantityColumn | undefined {
  for (const name of names) {
    let plain: QuantityColumn | undefined;
    for (const { index, name: written, word } of columns) {
      const unit = word.startsWith(name) ? word.slice(name.length).replace(/^in(?=.)/, '') : undefined;
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
