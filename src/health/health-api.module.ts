import { Module } from '@nestjs/common';
import { HealthModule } from './health.module.js';
import { HistoryHealthResolver } from './history-health.resolver.js';

/** What only the `api` role needs of the health of history. */
@Module({ imports: [HealthModule], providers: [HistoryHealthResolver] })
export class HealthApiModule {}
