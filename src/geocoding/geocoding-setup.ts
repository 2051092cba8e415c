import type { AppConfig } from '../config/app-config.js';
import type { PreferredProvider } from './cells.repository.js';
import { dataVersion } from './providers/offline.geocoder.js';
import { NominatimGeocoder } from './providers/nominatim.geocoder.js';

/** Injection token of {@link GeocodingSetup}. */
export const GEOCODING_SETUP = Symbol('GEOCODING_SETUP');

/** An online provider and its limits. */
export interface OnlineProvider extends PreferredProvider {
  geocoder: NominatimGeocoder;
  /** Timeout of a request. */
  timeoutMs: number;
}

/** The geocoding providers of this deployment. */
export interface GeocodingSetup {
  provider: AppConfig['GEOCODING_PROVIDER'];
  /** Provider and data version, stored with every cell; a cell with another value is looked up again. */
  version: string;
  /** More precise than the offline provider, but slow; null if none is configured. */
  online: OnlineProvider | null;
}

export function geocodingSetup(config: AppConfig): GeocodingSetup {
  const { GEOCODING_PROVIDER: provider, GEOCODING_MAX_DISTANCE_KM: maxKilometres } = config;
  if (provider !== 'nominatim') {
    return {
      provider,
      version: `offline: ${dataVersion()} within ${maxKilometres} km`,
      online: null,
    };
  }
  const geocoder = new NominatimGeocoder({
    url: config.NOMINATIM_URL ?? '',
    userAgent: config.NOMINATIM_USER_AGENT ?? '',
    timeoutMs: config.NOMINATIM_TIMEOUT_MS,
    maxKilometres,
  });
  return {
    provider,
    version: `nominatim: ${geocoder.host}`,
    online: {
      name: geocoder.name,
      dailyBudget: config.NOMINATIM_DAILY_BUDGET,
      timeoutMs: config.NOMINATIM_TIMEOUT_MS,
      geocoder,
    },
  };
}
