import { Module } from '@nestjs/common';
import { ClockModule } from '../clock/clock.module.js';
import { HistoryGuardRepository } from './history-guard.repository.js';
import { HistoryGuardService } from './history-guard.service.js';

/** The cron job is not here: src/app.module.ts adds it in the role that runs it. */
@Module({
  imports: [ClockModule],
  providers: [HistoryGuardRepository, HistoryGuardService],
  exports: [HistoryGuardService],
})
export class HistoryGuardModule {}
