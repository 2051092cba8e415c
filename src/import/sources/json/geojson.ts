import { type Columns, reportColumnsOf } from '../columns.js';
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
 * GeoJSON: a Point is a report, with time, accuracy and tracker from its properties, which are named like table
 * columns. A MultiPoint or a line is one report per position if its properties have a list of as many times
 * (`coordTimes`, `times`); without times it is one rejected item.
 *
 * The altitude is the third coordinate, unless a property has it. Altitude, speed and so on in the properties of a line
 * describe the whole line (its climb, its mean speed), so they are ignored.
 */
export const GEOJSON_COLLECTION: JsonFormat = {
  name: 'geojson',
  itemPath: ['features'],
  parse: featureReports,
};
/** One feature, or several in sequence: GeoJSON text sequences, one feature per line. */
export const GEOJSON_FEATURES: JsonFormat = { name: 'geojson', itemPath: 'document', parse: featureReports };
export const GEOJSON_LIST: JsonFormat = { name: 'geojson', itemPath: 'list', parse: featureReports };

/** Properties in which converters store the times of a line. */
const LISTS_OF_TIMES = ['coordTimes', 'times', 'coord_times', 'timestamps'];

let lastNames: readonly string[] = [];
let lastColumns: Columns = reportColumnsOf([]);

function featureReports(item: unknown, collect: Collect): void {
  let reports: readonly (() => ParsedReport)[];
  try {
    reports = reportsOf(objectOf('the feature', item));
  } catch (error) {
    collect(() => {
      throw error as Error;
    });
    return;
  }
  reports.forEach((parse, index) => {
    collect(parse, reports.length > 1 ? `, position ${index + 1}` : '');
  });
}

/** Returns one parser per position, because each may be invalid. */
function reportsOf(feature: Fields): readonly (() => ParsedReport)[] {
  const properties = isObject(feature['properties']) ? feature['properties'] : {};
  const columns = columnsFor(Object.keys(properties));
  const row = Object.values(properties);
  // The feature may be a bare geometry.
  const positions = positionsOf('coordinates' in feature ? feature : feature['geometry']);
  if (positions.kind === 'point') {
    return [() => pointReport(columns, row, positions.parse)];
  }
  const times = timesOf(properties, positions.list.length);
  const otherFields = otherFieldsOfRow(columns, row);
  return positions.list.map((coordinates, index) => () => {
    const timestamp = timeFrom(`time ${index + 1}`, times[index]);
    const { latLon, altitude } = positionOf(coordinates);
    return parsedReport(timestamp, latLon, otherFields, { altitude: altitudeFrom(altitude) });
  });
}

function pointReport(columns: Columns, row: Row, parse: () => Position): ParsedReport {
  const timestamp = timeOfRow(columns, row);
  const { latLon, altitude } = parse();
  const telemetry = telemetryOfRow(columns, row);
  return parsedReport(timestamp, latLon, otherFieldsOfRow(columns, row), {
    ...telemetry,
    altitude: telemetry.altitude ?? altitudeFrom(altitude),
  });
}

function timesOf(properties: Fields, positionCount: number): readonly unknown[] {
  const { coordinateProperties } = properties;
  const holders = isObject(coordinateProperties) ? [properties, coordinateProperties] : [properties];
  const found = holders.flatMap((holder) => LISTS_OF_TIMES.map((name) => holder[name])).find(Array.isArray);
  if (found === undefined) {
    throw new RejectedItemError('no_time', `the ${positionCount} positions have no times (coordTimes)`);
  }
  const times = found.some(Array.isArray) ? flattened(found, 2) : found;
  if (times.length !== positionCount) {
    throw undecodable(`there are ${positionCount} positions but ${times.length} times`);
  }
  return times;
}

/** Cached, because the features of a file mostly have the same properties. */
function columnsFor(names: readonly string[]): Columns {
  if (names.length !== lastNames.length || names.some((name, index) => name !== lastNames[index])) {
    lastColumns = reportColumnsOf(names);
    lastNames = names;
  }
  return lastColumns;
}
