import { Module } from '@nestjs/common';
import { AggregatesModule } from '../aggregates/aggregates.module.js';
import { ClockModule } from '../clock/clock.module.js';
import { HistoryGuardRepository } from './history-guard.repository.js';
import { HistoryGuardService } from './history-guard.service.js';
import { RestoreWatch } from './restore-watch.js';

/** Does not include the cron job: src/roles/refresher.ts adds it. */
@Module({
  imports: [AggregatesModule, ClockModule],
  providers: [HistoryGuardRepository, HistoryGuardService, RestoreWatch],
  exports: [HistoryGuardService, RestoreWatch],
})
export class HistoryGuardModule {}
