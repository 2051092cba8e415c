import { Module } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { TrackersModule } from '../trackers/trackers.module.js';
import { EncryptionKeys } from './encryption-keys.js';
import { TrackerKeysRepository } from './tracker-keys.repository.js';
import { ENCRYPTION_KEYS, TrackerKeysService } from './tracker-keys.service.js';

@Module({
  imports: [TrackersModule],
  providers: [
    TrackerKeysRepository,
    {
      provide: ENCRYPTION_KEYS,
      inject: [APP_CONFIG],
      useFactory: (config: AppConfig) => EncryptionKeys.fromConfig(config),
    },
    TrackerKeysService,
  ],
  exports: [TrackerKeysRepository, TrackerKeysService],
})
export class TrackerKeysModule {}
