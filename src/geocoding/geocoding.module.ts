import { Module } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { LocationHistoryModule } from '../location-history/location-history.module.js';
import { CellsRepository } from './cells.repository.js';
import { CellsService } from './cells.service.js';
import { GEOCODING_SETUP, geocodingSetup } from './geocoding-setup.js';
import { GeocodingQueueRepository } from './geocoding-queue.repository.js';
import { GeocodingResolver } from './geocoding.resolver.js';
import { GeocodingService } from './geocoding.service.js';
import { LocationCountryResolver } from './location-country.resolver.js';
import { LocationsService } from './locations.service.js';
import { OnlineCellsService } from './online-cells.service.js';
import { OfflineGeocoder } from './providers/offline.geocoder.js';
import { ProvidersRepository } from './providers.repository.js';

/** Does not include the cron: src/app.module.ts adds it to the role geocoder. */
@Module({
  imports: [LocationHistoryModule],
  providers: [
    {
      provide: GEOCODING_SETUP,
      inject: [APP_CONFIG],
      useFactory: (config: AppConfig) => geocodingSetup(config),
    },
    OfflineGeocoder,
    CellsRepository,
    ProvidersRepository,
    GeocodingQueueRepository,
    CellsService,
    OnlineCellsService,
    GeocodingService,
    LocationsService,
    GeocodingResolver,
    LocationCountryResolver,
  ],
  exports: [GeocodingService, OnlineCellsService, GEOCODING_SETUP],
})
export class GeocodingModule {}
