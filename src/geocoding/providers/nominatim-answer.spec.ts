import { describe, expect, it } from '@jest/globals';
import { placeAt } from '../../../test/support/geocoding.js';
import { GeocoderError } from '../reverse-geocoder.js';
import { cityOf } from './nominatim-answer.js';

const OSLO = { latitude: 59.91, longitude: 10.75 };
const read = (body: unknown, queried = OSLO) => cityOf(body, queried, 100);
const oslo = (address: object) => ({ ...placeAt(59.9, 10.7, ''), address });

describe('cityOf', () => {
  it.each<[string, object, string | null]>([
    ['city', { city: 'Oslo', county: 'Østlandet' }, 'Oslo'],
    ['town', { suburb: 'x', town: 'Drøbak' }, 'Drøbak'],
    ['village', { village: 'Son', municipality: 'Vestby' }, 'Son'],
    ['municipality', { municipality: 'Vestby' }, 'Vestby'],
    ['no city', { county: 'Østlandet' }, null],
    ['an empty name', { city: ' ', town: 'Drøbak' }, 'Drøbak'],
    ['a name that is not text', { city: { x: 1 }, village: 7 }, null],
    ['a name of 5000 characters', { city: 'x'.repeat(5000) }, null],
  ])('reads an address with %s', (_, address, name) => {
    expect(read(oslo({ ...address, country_code: 'no' }))).toEqual(
      name === null ? null : { name, country: 'NO' },
    );
  });

  it.each(['', 'nor', 7, null, undefined])('returns no country for the code %j', (code) => {
    expect(read(oslo({ city: 'Oslo', country_code: code }))).toEqual({ name: 'Oslo', country: null });
  });

  it('reads "unable to geocode" as no city', () => {
    expect(read({ error: 'Unable to geocode' })).toBeNull();
  });

  it('accepts a distant position if the bounding box contains the queried one', () => {
    const far = { ...placeAt(64, 10, 'Large'), boundingbox: ['58', '71', '4', '31'] };
    expect(read(far)).toEqual({ name: 'Large', country: 'NO' });
  });

  it.each<[string, unknown]>([
    ['text', 'Oslo'],
    ['null', null],
    ['a list', []],
    ['another error', { error: 'Bandwidth limit exceeded' }],
    ['no position', { address: { city: 'Oslo' } }],
    ['a null position', { lat: null, lon: null, address: { city: 'Null Island' } }],
    ['an empty position', { lat: '', lon: '', address: { city: 'Null Island' } }],
    ['a position that is not a number', { lat: 'x', lon: '10', address: { city: 'Oslo' } }],
    ['a latitude of 95', { lat: '95', lon: '10', address: { city: 'Oslo' } }],
    ['another position', placeAt(48.85, 2.35, 'Paris')],
    [
      'another position with broken bounds',
      { ...placeAt(48.85, 2.35, 'Paris'), boundingbox: ['a', {}, null] },
    ],
    ['the antipodes', placeAt(-59.91, -169.25, 'Antipodes')],
  ])('rejects %s', (_, body) => {
    expect(() => read(body)).toThrow(GeocoderError);
  });

  it('measures the distance across the antimeridian', () => {
    const queried = { latitude: -16.5, longitude: 179.99 };
    expect(read(placeAt(-16.5, -179.99, 'Taveuni', 'fj'), queried)).toEqual({
      name: 'Taveuni',
      country: 'FJ',
    });
  });
});
