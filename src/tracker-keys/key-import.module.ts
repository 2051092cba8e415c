import { Module } from '@nestjs/common';
import { TrackersModule } from '../trackers/trackers.module.js';
import { KeyImportService } from './key-import.service.js';
import { TrackerKeysModule } from './tracker-keys.module.js';

/** Key files are read by a command only. Their checks are those of the API, so GraphQL is loaded here. */
@Module({
  imports: [TrackersModule, TrackerKeysModule],
  providers: [KeyImportService],
  exports: [KeyImportService],
})
export class KeyImportModule {}
