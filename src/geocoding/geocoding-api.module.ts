import { Module } from '@nestjs/common';
import { LocationHistoryModule } from '../location-history/location-history.module.js';
import { GeocodingModule } from './geocoding.module.js';
import { GeocodingResolver } from './geocoding.resolver.js';
import { LocationCountryResolver } from './location-country.resolver.js';
import { LocationsService } from './locations.service.js';

/** The parts of geocoding that only the `api` role uses. */
@Module({
  imports: [GeocodingModule, LocationHistoryModule],
  providers: [LocationsService, GeocodingResolver, LocationCountryResolver],
})
export class GeocodingApiModule {}
