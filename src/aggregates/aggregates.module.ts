import { Module } from '@nestjs/common';
import { ClockModule } from '../clock/clock.module.js';
import { AggregatesRepository } from './aggregates.repository.js';
import { AggregatesService } from './aggregates.service.js';
import { PeriodicRefreshRepository } from './periodic-refresh.repository.js';
import { PeriodicRefreshService } from './periodic-refresh.service.js';

/** Does not include listener and cron jobs: src/roles/refresher.ts adds them. */
@Module({
  imports: [ClockModule],
  providers: [AggregatesRepository, AggregatesService, PeriodicRefreshRepository, PeriodicRefreshService],
  exports: [AggregatesService, PeriodicRefreshService],
})
export class AggregatesModule {}
