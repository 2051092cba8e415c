import { distance } from 'geokdbush';
import { type City, GeocoderError } from '../reverse-geocoder.js';

/** What is read of an answer to `/reverse?format=jsonv2`; nothing of it is to be relied on. */
interface Answer {
  error?: unknown;
  lat?: unknown;
  lon?: unknown;
  boundingbox?: unknown;
  address?: Record<string, unknown>;
}

/** Parts of an address that are a place with people, the most exact name of a city first. */
const CITY_PARTS = ['city', 'town', 'village', 'municipality', 'hamlet'] as const;
const LONGEST_NAME = 200;

/**
 * The city that an answer is about; null where it says that there is none.
 *
 * @param asked the place that was asked for: a proxy, a cache or a wrong address may answer for another one.
 * @throws GeocoderError when this is no answer to that question.
 */
export function cityOf(
  body: unknown,
  asked: { latitude: number; longitude: number },
  maxKilometres: number,
): City | null {
  if (typeof body !== 'object' || body === null) throw new GeocoderError('the answer is no JSON object');
  const answer = body as Answer;
  if (answer.error !== undefined) {
    if (/unable to geocode/i.test(JSON.stringify(answer.error))) return null;
    throw new GeocoderError('the answer is an error');
  }
  const [latitude, longitude] = [degreesOf(answer.lat), degreesOf(answer.lon)];
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) {
    throw new GeocoderError('the answer has no position');
  }
  const kilometres = distance(asked.longitude, asked.latitude, longitude, latitude);
  if (kilometres > maxKilometres && !isIn(answer.boundingbox, asked)) {
    throw new GeocoderError(`the answer is about a place ${Math.round(kilometres)} km away`);
  }
  const name = CITY_PARTS.map((part) => answer.address?.[part]).find(isName);
  return name === undefined ? null : { name, country: countryOf(answer.address?.['country_code']) };
}

/** Nominatim gives numbers as text. */
function degreesOf(value: unknown): number {
  return typeof value === 'number' || (typeof value === 'string' && value !== '') ? Number(value) : NaN;
}

/** Large municipalities have their centre far from places in them. Given as [south, north, west, east]. */
function isIn(box: unknown, { latitude, longitude }: { latitude: number; longitude: number }): boolean {
  if (!Array.isArray(box) || box.length !== 4) return false;
  const [south = NaN, north = NaN, west = NaN, east = NaN] = box.map(Number);
  return latitude >= south && latitude <= north && longitude >= west && longitude <= east;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= LONGEST_NAME;
}

function countryOf(code: unknown): string | null {
  return typeof code === 'string' && /^[a-z]{2}$/i.test(code) ? code.toUpperCase() : null;
}
