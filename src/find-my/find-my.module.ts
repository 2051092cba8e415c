import { Module } from '@nestjs/common';
import { ImportModule } from '../import/import.module.js';
import { TrackerKeysModule } from '../tracker-keys/tracker-keys.module.js';
import { TrackersModule } from '../trackers/trackers.module.js';
import { FetchLoop } from './fetch-loop.js';
import { FetchResolver } from './fetch.resolver.js';
import { FetchService } from './fetch.service.js';
import { FetchesRepository } from './fetches.repository.js';
import { TrackerFetcher } from './tracker-fetcher.js';

/** The listener and the cron are added by src/app.module.ts, in the role that runs them. */
@Module({
  imports: [TrackersModule, TrackerKeysModule, ImportModule],
  providers: [FetchesRepository, TrackerFetcher, FetchLoop, FetchService, FetchResolver],
  exports: [FetchService],
})
export class FindMyModule {}
