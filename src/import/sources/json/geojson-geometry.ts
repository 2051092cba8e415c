import { type Fields, isObject } from '../field-values.js';
import { RejectedItemError, shown, undecodable } from '../source-errors.js';

/** Types whose `coordinates` are positions, and how many lists are around each of these. */
const NESTING: Readonly<Record<string, number>> = {
  Point: 0,
  MultiPoint: 1,
  LineString: 1,
  MultiLineString: 2,
};

export interface Position {
  readonly place: readonly [latitude: number, longitude: number];
  /** The third number, if there is one, as it is given. */
  readonly altitude: unknown;
}

/** The place of a geometry that has to be a point. */
export function pointOf(geometry: unknown): Position['place'] {
  const { type, coordinates } = geometryOf(geometry);
  if (type !== 'Point') {
    throw new RejectedItemError('not_a_report', `the geometry is not a Point but ${shown(type)}`);
  }
  return positionOf(coordinates).place;
}

/** Everything that may be a position, in the order of the geometry; of a single point, how to decode it. */
export function positionsOf(geometry: unknown): readonly unknown[] | (() => Position) {
  const { type, coordinates } = geometryOf(geometry);
  const nesting = typeof type === 'string' && Object.hasOwn(NESTING, type) ? NESTING[type] : undefined;
  if (nesting === undefined) {
    throw new RejectedItemError(
      'not_a_report',
      `the geometry is a ${shown(type)}: only points and lines are taken`,
    );
  }
  return nesting === 0 ? () => positionOf(coordinates) : flattened(coordinates, nesting);
}

/** The elements of lists that are within so many lists. */
export function flattened(value: unknown, nesting: number): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw undecodable(`there should be a list and is ${shown(value)}`);
  }
  return nesting === 1 ? (value as unknown[]) : value.flatMap((inner) => flattened(inner, nesting - 1));
}

/** GeoJSON has the longitude first. */
export function positionOf(coordinates: unknown): Position {
  const [longitude, latitude, altitude] = Array.isArray(coordinates) ? (coordinates as unknown[]) : [];
  if (!isNumber(latitude) || !isNumber(longitude)) {
    throw undecodable(`the coordinates are not [longitude, latitude] but ${listed(coordinates)}`);
  }
  return { place: [latitude, longitude], altitude };
}

function geometryOf(geometry: unknown): Fields {
  if (geometry === undefined || geometry === null) {
    throw new RejectedItemError('no_position', 'it has no geometry');
  }
  if (!isObject(geometry)) {
    throw undecodable(`the geometry is not an object but ${shown(geometry)}`);
  }
  return geometry;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function listed(coordinates: unknown): string {
  return Array.isArray(coordinates)
    ? `[${coordinates.slice(0, 3).map(shown).join(', ')}]`
    : shown(coordinates);
}
