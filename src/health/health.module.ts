import { Module } from '@nestjs/common';
import { ClockModule } from '../clock/clock.module.js';
import { HistoryGuardModule } from '../history-guard/history-guard.module.js';
import { HistoryHealthRepository } from './history-health.repository.js';
import { HistoryHealthService } from './history-health.service.js';
import { RefresherHealthRepository } from './refresher-health.repository.js';
import { RefresherHealthService } from './refresher-health.service.js';
import { TransactionsHealthRepository } from './transactions-health.repository.js';
import { TransactionsHealthService } from './transactions-health.service.js';

@Module({
  imports: [ClockModule, HistoryGuardModule],
  providers: [
    HistoryHealthRepository,
    HistoryHealthService,
    RefresherHealthRepository,
    RefresherHealthService,
    TransactionsHealthRepository,
    TransactionsHealthService,
  ],
  exports: [HistoryHealthService],
})
export class HealthModule {}
