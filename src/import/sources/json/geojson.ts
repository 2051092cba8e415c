import { type Columns, columnsOf } from '../columns.js';
import {
  parsedReport,
  type ParsedReport,
  type Fields,
  isObject,
  objectOf,
  timeFrom,
} from '../field-values.js';
import { otherFieldsOfRow, type Row, telemetryOfRow, timeOfRow } from '../row.js';
import { RejectedItemError, undecodable } from '../source-errors.js';
import { altitudeFrom } from '../telemetry.js';
import { flattened, type Position, positionOf, positionsOf } from './geojson-geometry.js';
import type { JsonFormat, Collect } from './json.source.js';

/**
 * GeoJSON: a Point is a report, with time, accuracy and tracker from its properties, whose names are those of table columns.
 * A MultiPoint or a line is one report per position if its properties list as many times (`coordTimes`, `times`); without
 * them it has no time, and is one rejected item.
 *
 * The altitude is the third coordinate unless a property has it. Altitude, speed and so on in the properties of a line are
 * about the whole line (its climb, its mean), so they are ignored.
 */
export const GEOJSON_COLLECTION: JsonFormat = {
  name: 'geojson',
  places: ['features'],
  parse: featureReports,
};
/** One feature, or several in sequence: GeoJSON text sequences, one feature per line. */
export const GEOJSON_FEATURES: JsonFormat = { name: 'geojson', places: 'document', parse: featureReports };
export const GEOJSON_LIST: JsonFormat = { name: 'geojson', places: 'list', parse: featureReports };

/** Properties in which converters store the times of a line. */
const LISTS_OF_TIMES = ['coordTimes', 'times', 'coord_times', 'timestamps'];

let lastNames: readonly string[] = [];
let lastColumns: Columns = columnsOf([]);

function featureReports(item: unknown, collect: Collect): void {
  let reports: readonly (() => ParsedReport)[];
  try {
    reports = reportsOf(objectOf('the feature', item));
  } catch (error) {
    collect(() => {
      throw error as RejectedItemError;
    });
    return;
  }
  reports.forEach((parse, index) => {
    collect(parse, reports.length > 1 ? `, position ${index + 1}` : '');
  });
}

/** One parser per position, because one of them may be invalid. */
function reportsOf(feature: Fields): readonly (() => ParsedReport)[] {
  const properties = isObject(feature['properties']) ? feature['properties'] : {};
  const columns = columnsFor(Object.keys(properties));
  const row = Object.values(properties);
  // The feature may be a bare geometry.
  const positions = positionsOf('coordinates' in feature ? feature : feature['geometry']);
  if (typeof positions === 'function') {
    return [() => pointReport(columns, row, positions)];
  }
  const times = timesOf(properties, positions.length);
  const others = otherFieldsOfRow(columns, row);
  return positions.map((coordinates: unknown, index) => () => {
    const timestamp = timeFrom(`time ${index + 1}`, times[index]);
    const { place, altitude } = positionOf(coordinates);
    return parsedReport(timestamp, place, others, { altitude: altitudeFrom(altitude) });
  });
}

function pointReport(columns: Columns, row: Row, position: () => Position): ParsedReport {
  const timestamp = timeOfRow(columns, row);
  const { place, altitude } = position();
  const telemetry = telemetryOfRow(columns, row);
  return parsedReport(timestamp, place, otherFieldsOfRow(columns, row), {
    ...telemetry,
    altitude: telemetry.altitude ?? altitudeFrom(altitude),
  });
}

function timesOf(properties: Fields, positions: number): readonly unknown[] {
  const { coordinateProperties } = properties;
  const holders = isObject(coordinateProperties) ? [properties, coordinateProperties] : [properties];
  const found = holders.flatMap((holder) => LISTS_OF_TIMES.map((name) => holder[name])).find(Array.isArray);
  if (found === undefined) {
    throw new RejectedItemError('no_time', `the ${positions} positions have no times (coordTimes)`);
  }
  const times = found.some(Array.isArray) ? flattened(found, 2) : found;
  if (times.length !== positions) {
    throw undecodable(`there are ${positions} positions but ${times.length} times`);
  }
  return times;
}

/** Cached, because the features of a file mostly have the same properties. */
function columnsFor(names: readonly string[]): Columns {
  if (names.length !== lastNames.length || names.some((name, index) => name !== lastNames[index])) {
    lastColumns = columnsOf(names);
    lastNames = names;
  }
  return lastColumns;
}
