import { distance } from 'geokdbush';
import { type City, GeocoderError } from '../reverse-geocoder.js';

/** The fields read from an answer to `/reverse?format=jsonv2`; each may have any type. */
interface Answer {
  error?: unknown;
  lat?: unknown;
  lon?: unknown;
  boundingbox?: unknown;
  address?: Record<string, unknown>;
}

/** Parts of an address that name a populated place, in order of preference. */
const CITY_PARTS = ['city', 'town', 'village', 'municipality', 'hamlet'] as const;
const MAX_NAME_LENGTH = 200;

/**
 * Returns the city of an answer; null if there is none at this position.
 *
 * @param queried the position of the query: a proxy, a cache or a wrong URL may return the answer to another query.
 * @throws GeocoderError when the answer is invalid, or about a position too far away.
 */
export function cityOf(
  body: unknown,
  queried: { latitude: number; longitude: number },
  maxKilometres: number,
): City | null {
  if (typeof body !== 'object' || body === null) throw new GeocoderError('the answer is not a JSON object');
  const answer = body as Answer;
  if (answer.error !== undefined) {
    if (/unable to geocode/i.test(JSON.stringify(answer.error))) return null;
    throw new GeocoderError('the answer is an error');
  }
  const [latitude, longitude] = [degreesOf(answer.lat), degreesOf(answer.lon)];
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) {
    throw new GeocoderError('the answer has no position');
  }
  const kilometres = distance(queried.longitude, queried.latitude, longitude, latitude);
  if (kilometres > maxKilometres && !isIn(answer.boundingbox, queried)) {
    throw new GeocoderError(`the answer is about a position ${Math.round(kilometres)} km away`);
  }
  const name = CITY_PARTS.map((part) => answer.address?.[part]).find(isName);
  return name === undefined ? null : { name, country: countryOf(answer.address?.['country_code']) };
}

/** Parses degrees, which Nominatim sends as text; NaN if they are invalid. */
function degreesOf(value: unknown): number {
  return typeof value === 'number' || (typeof value === 'string' && value !== '') ? Number(value) : NaN;
}

/** Whether the box [south, north, west, east] contains a position, which may be far from the centre of a large city. */
function isIn(box: unknown, { latitude, longitude }: { latitude: number; longitude: number }): boolean {
  if (!Array.isArray(box) || box.length !== 4) return false;
  const [south = NaN, north = NaN, west = NaN, east = NaN] = box.map(Number);
  return latitude >= south && latitude <= north && longitude >= west && longitude <= east;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= MAX_NAME_LENGTH;
}

function countryOf(code: unknown): string | null {
  return typeof code === 'string' && /^[a-z]{2}$/i.test(code) ? code.toUpperCase() : null;
}
