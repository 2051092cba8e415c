import type { AppConfig } from '../config/app-config.js';
import type { BetterProvider } from './cells.repository.js';
import { dataVersion } from './providers/offline.geocoder.js';
import { NominatimGeocoder } from './providers/nominatim.geocoder.js';

/** Injection token of {@link GeocodingSetup}. */
export const GEOCODING_SETUP = Symbol('GEOCODING_SETUP');

/** An online provider with what it may be asked. */
export interface OnlineProvider extends BetterProvider {
  geocoder: NominatimGeocoder;
  /** How long a request may take at most. */
  timeoutMs: number;
}

/** Who is asked for the cities of this deployment. */
export interface GeocodingSetup {
  provider: AppConfig['GEOCODING_PROVIDER'];
  /** Kept with every cell: where it says something else, the cell is asked again. */
  askedOf: string;
  /** Gives better answers than the offline one, but slowly. */
  online: OnlineProvider | null;
}

export function geocodingSetup(config: AppConfig): GeocodingSetup {
  const { GEOCODING_PROVIDER: provider, GEOCODING_MAX_DISTANCE_KM: maxKilometres } = config;
  if (provider !== 'nominatim') {
    return { provider, askedOf: `offline: ${dataVersion()} within ${maxKilometres} km`, online: null };
  }
  const geocoder = new NominatimGeocoder({
    url: config.NOMINATIM_URL ?? '',
    userAgent: config.NOMINATIM_USER_AGENT ?? '',
    timeoutMs: config.NOMINATIM_TIMEOUT_MS,
    maxKilometres,
  });
  return {
    provider,
    askedOf: `nominatim: ${geocoder.host}`,
    online: {
      name: geocoder.name,
      dailyBudget: config.NOMINATIM_DAILY_BUDGET,
      timeoutMs: config.NOMINATIM_TIMEOUT_MS,
      geocoder,
    },
  };
}
