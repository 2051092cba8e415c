import { type Fields, isObject } from '../field-values.js';
import { mustBe, quote, RejectedItemError, undecodable } from '../source-errors.js';

/** How deep positions are nested in `coordinates`, by type of geometry. */
const NESTING: Readonly<Record<string, number>> = {
  Point: 0,
  MultiPoint: 1,
  LineString: 1,
  MultiLineString: 2,
};

export interface Position {
  readonly latLon: readonly [latitude: number, longitude: number];
  /** The third coordinate, unchecked, if there is one. */
  readonly altitude: unknown;
}

/** A Point, or the unparsed positions of another geometry, in order. */
type Positions =
  | { readonly kind: 'point'; readonly parse: () => Position }
  | { readonly kind: 'positions'; readonly list: readonly unknown[] };

/** Parses a geometry that must be a Point. */
export function pointOf(geometry: unknown): Position['latLon'] {
  const { type, coordinates } = geometryOf(geometry);
  if (type !== 'Point') {
    throw new RejectedItemError('not_a_report', `the geometry must be a Point (got ${quote(type)})`);
  }
  return positionOf(coordinates).latLon;
}

export function positionsOf(geometry: unknown): Positions {
  const { type, coordinates } = geometryOf(geometry);
  const nesting = typeof type === 'string' && Object.hasOwn(NESTING, type) ? NESTING[type] : undefined;
  if (nesting === undefined) {
    throw new RejectedItemError(
      'not_a_report',
      `the geometry must be a point or a line (got ${quote(type)})`,
    );
  }
  return nesting === 0
    ? { kind: 'point', parse: () => positionOf(coordinates) }
    : { kind: 'positions', list: flattened(coordinates, nesting) };
}

/** Flattens nested lists. @param nesting number of levels. */
export function flattened(value: unknown, nesting: number): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw undecodable(`expected a list (got ${quote(value)})`);
  }
  return nesting === 1 ? (value as unknown[]) : value.flatMap((inner) => flattened(inner, nesting - 1));
}

/** Parses coordinates; GeoJSON has the longitude first. */
export function positionOf(coordinates: unknown): Position {
  const [longitude, latitude, altitude] = Array.isArray(coordinates) ? (coordinates as unknown[]) : [];
  if (!isNumber(latitude) || !isNumber(longitude)) {
    throw undecodable(`the coordinates must be [longitude, latitude] (got ${listed(coordinates)})`);
  }
  return { latLon: [latitude, longitude], altitude };
}

function geometryOf(geometry: unknown): Fields {
  if (geometry === undefined || geometry === null) {
    throw new RejectedItemError('no_position', 'the geometry is missing');
  }
  if (!isObject(geometry)) {
    throw mustBe('the geometry', 'an object', geometry);
  }
  return geometry;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function listed(coordinates: unknown): string {
  return Array.isArray(coordinates)
    ? `[${coordinates.slice(0, 3).map(quote).join(', ')}]`
    : quote(coordinates);
}
