import { Module } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { CellsRepository } from './cells.repository.js';
import { CellsService } from './cells.service.js';
import { GEOCODING_SETUP, geocodingSetup } from './geocoding-setup.js';
import { GeocodingQueueRepository } from './geocoding-queue.repository.js';
import { GeocodingService } from './geocoding.service.js';
import { OnlineCellsService } from './online-cells.service.js';
import { OfflineGeocoder } from './providers/offline.geocoder.js';
import { ProvidersRepository } from './providers.repository.js';

/** Does not include the cron job: src/roles/geocoder.ts adds it. */
@Module({
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
  ],
  exports: [
    CellsRepository,
    CellsService,
    GeocodingQueueRepository,
    GeocodingService,
    GEOCODING_SETUP,
    OnlineCellsService,
    ProvidersRepository,
  ],
})
export class GeocodingModule {}
