import { Module } from '@nestjs/common';
import { TrackersModule } from '../trackers/trackers.module.js';
import { KeyImportService } from './key-import.service.js';
import { TrackerKeysModule } from './tracker-keys.module.js';

/** Used by a command only. It checks its input by the rules of the API, so it loads GraphQL. */
@Module({
  imports: [TrackersModule, TrackerKeysModule],
  providers: [KeyImportService],
  exports: [KeyImportService],
})
export class KeyImportModule {}
