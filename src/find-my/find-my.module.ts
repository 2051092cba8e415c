import { Module } from '@nestjs/common';
import { ImportModule } from '../import/import.module.js';
import { TrackerKeysModule } from '../tracker-keys/tracker-keys.module.js';
import { TrackersModule } from '../trackers/trackers.module.js';
import { FetchLoop } from './fetch-loop.js';
import { FetchService } from './fetch.service.js';
import { FetchesRepository } from './fetches.repository.js';
import { TrackerFetcher } from './tracker-fetcher.js';

/** Without the listener and the cron job, which src/roles/importer.ts adds. */
@Module({
  imports: [TrackersModule, TrackerKeysModule, ImportModule],
  providers: [FetchesRepository, TrackerFetcher, FetchLoop, FetchService],
  exports: [FetchService],
})
export class FindMyModule {}
