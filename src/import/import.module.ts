import { Module } from '@nestjs/common';
import { TrackersModule } from '../trackers/trackers.module.js';
import { ImportLedgerRepository } from './import-ledger.repository.js';
import { ImportLedgerService } from './import-ledger.service.js';
import { ImportOwnerRepository } from './import-owner.repository.js';
import { ImportRetryService } from './import-retry.service.js';
import { ImportRunsRepository } from './import-runs.repository.js';
import { ImportService } from './import.service.js';
import { IngestRepository } from './ingest.repository.js';
import { RejectedReportsRepository } from './rejected-reports.repository.js';
import { TrackerDevicesRepository } from './tracker-devices.repository.js';
import { TrackerDevicesService } from './tracker-devices.service.js';
import { TrackerNames } from './tracker-names.js';

@Module({
  imports: [TrackersModule],
  providers: [
    IngestRepository,
    ImportOwnerRepository,
    ImportRunsRepository,
    ImportLedgerRepository,
    RejectedReportsRepository,
    TrackerDevicesRepository,
    TrackerNames,
    ImportService,
    ImportRetryService,
    ImportLedgerService,
    TrackerDevicesService,
  ],
  exports: [ImportService, ImportRetryService, ImportLedgerService, TrackerDevicesService],
})
export class ImportModule {}
