import { Module } from '@nestjs/common';
import { TrackersModule } from '../trackers/trackers.module.js';
import { HistoryRangeResolver } from './history-range.resolver.js';
import { HistoryRangeService } from './history-range.service.js';
import { HistoryConnectionResolver } from './history-connection.resolver.js';
import { HistoryConnectionService } from './history-connection.service.js';
import { LocationHistoryRepository } from './location-history.repository.js';
import { LocationHistoryResolver } from './location-history.resolver.js';
import { LocationHistoryService } from './location-history.service.js';
import { LocationReportsRepository } from './location-reports.repository.js';
import { LocationReportsResolver } from './location-reports.resolver.js';
import { LocationReportsService } from './location-reports.service.js';
import { TrackerHistoryResolver } from './tracker-history.resolver.js';

@Module({
  imports: [TrackersModule],
  providers: [
    LocationHistoryRepository,
    LocationHistoryService,
    LocationHistoryResolver,
    HistoryRangeService,
    HistoryRangeResolver,
    HistoryConnectionService,
    HistoryConnectionResolver,
    TrackerHistoryResolver,
    LocationReportsRepository,
    LocationReportsService,
    LocationReportsResolver,
  ],
  exports: [LocationHistoryService],
})
export class LocationHistoryModule {}
