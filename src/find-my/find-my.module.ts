import { Module } from '@nestjs/common';
import { ImportModule } from '../import/import.module.js';
import { TrackerKeysModule } from '../tracker-keys/tracker-keys.module.js';
import { TrackersModule } from '../trackers/trackers.module.js';
import { FetchResolver } from './fetch.resolver.js';
import { FetchService } from './fetch.service.js';
import { FetchesRepository } from './fetches.repository.js';
import { TrackerFetcher } from './tracker-fetcher.js';

/** Listener and cron are not here: src/app.module.ts adds them in the role that runs them. */
@Module({
  imports: [TrackersModule, TrackerKeysModule, ImportModule],
  providers: [FetchesRepository, TrackerFetcher, FetchService, FetchResolver],
  exports: [FetchService],
})
export class FindMyModule {}
