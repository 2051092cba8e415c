import { type Columns, columnsOf } from '../columns.js';
import { decoded, type Decoded, type Fields, isObject, objectOf, timeFrom } from '../field-values.js';
import { otherFieldsOfRow, type Row, telemetryOfRow, timeOfRow } from '../row.js';
import { RejectedItemError, undecodable } from '../source-errors.js';
import { altitudeFrom } from '../telemetry.js';
import { flattened, type Position, positionOf, positionsOf } from './geojson-geometry.js';
import type { JsonFormat, Take } from './json.source.js';

/**
 * GeoJSON: a Point is a report, with time, accuracy and tracker from its properties, by the names that a table may have.
 * A MultiPoint or a line is one report for each position where its properties list as many times (`coordTimes`, `times`);
 * without them it does not say when, and is one rejected item.
 *
 * The altitude is the third coordinate, where no property says it. The altitude, speed and so on that the properties of a
 * line have are of all of it (its climb, its mean), so they are not taken.
 */
export const GEOJSON_COLLECTION: JsonFormat = {
  name: 'geojson',
  places: ['features'],
  decode: featureReports,
};
/** A feature, or several one after the other: GeoJSON text sequences, a feature a line. */
export const GEOJSON_FEATURES: JsonFormat = { name: 'geojson', places: 'document', decode: featureReports };
export const GEOJSON_LIST: JsonFormat = { name: 'geojson', places: 'list', decode: featureReports };

/** Where converters put the times of a line. */
const LISTS_OF_TIMES = ['coordTimes', 'times', 'coord_times', 'timestamps'];

let lastNames: readonly string[] = [];
let lastColumns: Columns = columnsOf([]);

function featureReports(item: unknown, take: Take): void {
  let reports: readonly (() => Decoded)[];
  try {
    reports = reportsOf(objectOf('the feature', item));
  } catch (error) {
    take(() => {
      throw error as RejectedItemError;
    });
    return;
  }
  reports.forEach((decode, index) => {
    take(decode, reports.length > 1 ? `, position ${index + 1}` : '');
  });
}

/** One for each position; a decoder of its own, because one of them may be wrong. */
function reportsOf(feature: Fields): readonly (() => Decoded)[] {
  const properties = isObject(feature['properties']) ? feature['properties'] : {};
  const columns = columnsFor(Object.keys(properties));
  const row = Object.values(properties);
  // A bare geometry is taken for what it is.
  const positions = positionsOf('coordinates' in feature ? feature : feature['geometry']);
  if (typeof positions === 'function') {
    return [() => pointReport(columns, row, positions)];
  }
  const times = timesOf(properties, positions.length);
  const others = otherFieldsOfRow(columns, row);
  return positions.map((coordinates: unknown, index) => () => {
    const timestamp = timeFrom(`time ${index + 1}`, times[index]);
    const { place, altitude } = positionOf(coordinates);
    return decoded(timestamp, place, others, { altitude: altitudeFrom(altitude) });
  });
}

function pointReport(columns: Columns, row: Row, position: () => Position): Decoded {
  const timestamp = timeOfRow(columns, row);
  const { place, altitude } = position();
  const telemetry = telemetryOfRow(columns, row);
  return decoded(timestamp, place, otherFieldsOfRow(columns, row), {
    ...telemetry,
    altitude: telemetry.altitude ?? altitudeFrom(altitude),
  });
}

function timesOf(properties: Fields, positions: number): readonly unknown[] {
  const { coordinateProperties } = properties;
  const holders = isObject(coordinateProperties) ? [properties, coordinateProperties] : [properties];
  const found = holders.flatMap((holder) => LISTS_OF_TIMES.map((name) => holder[name])).find(Array.isArray);
  if (found === undefined) {
    throw new RejectedItemError('no_time', `its ${positions} positions have no times (coordTimes)`);
  }
  const times = found.some(Array.isArray) ? flattened(found, 2) : found;
  if (times.length !== positions) {
    throw undecodable(`it has ${positions} positions and ${times.length} times`);
  }
  return times;
}

/** The features of a file have the same properties, mostly. */
function columnsFor(names: readonly string[]): Columns {
  if (names.length !== lastNames.length || names.some((name, index) => name !== lastNames[index])) {
    lastColumns = columnsOf(names);
    lastNames = names;
  }
  return lastColumns;
}
