import { Module } from '@nestjs/common';
import { ImportModule } from '../import/import.module.js';
import { TrackerKeysModule } from '../tracker-keys/tracker-keys.module.js';
import { TrackersModule } from '../trackers/trackers.module.js';
import { FetchLoop } from './fetch-loop.js';
import { FetchService } from './fetch.service.js';
import { FetchesRepository } from './fetches.repository.js';
import { TrackerFetcher } from './tracker-fetcher.js';

/** Does not include listener and cron job: src/roles/importer.ts adds them. */
@Module({
  imports: [TrackersModule, TrackerKeysModule, ImportModule],
  providers: [FetchesRepository, TrackerFetcher, FetchLoop, FetchService],
  exports: [FetchService],
})
export class FindMyModule {}
