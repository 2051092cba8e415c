import { Module } from '@nestjs/common';
import { ClockModule } from '../clock/clock.module.js';
import { TrackersModule } from '../trackers/trackers.module.js';
import { AggregatesRepository } from './aggregates.repository.js';
import { AggregatesResolver } from './aggregates.resolver.js';
import { AggregatesService } from './aggregates.service.js';
import { PeriodicRefreshRepository } from './periodic-refresh.repository.js';
import { PeriodicRefreshService } from './periodic-refresh.service.js';

/** src/app.module.ts adds the listener and the cron jobs to the role that runs them. */
@Module({
  imports: [TrackersModule, ClockModule],
  providers: [
    AggregatesRepository,
    AggregatesService,
    PeriodicRefreshRepository,
    PeriodicRefreshService,
    AggregatesResolver,
  ],
  exports: [AggregatesService, PeriodicRefreshService],
})
export class AggregatesModule {}
