import { Module } from '@nestjs/common';
import { AggregatesModule } from '../aggregates/aggregates.module.js';
import { ClockModule } from '../clock/clock.module.js';
import { HistoryGuardRepository } from './history-guard.repository.js';
import { HistoryGuardService } from './history-guard.service.js';
import { RestoreWatch } from './restore-watch.js';

/** src/app.module.ts adds the cron job to the role that runs it. */
@Module({
  imports: [AggregatesModule, ClockModule],
  providers: [HistoryGuardRepository, HistoryGuardService, RestoreWatch],
  exports: [HistoryGuardService, RestoreWatch],
})
export class HistoryGuardModule {}
