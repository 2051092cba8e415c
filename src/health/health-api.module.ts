import { Module } from '@nestjs/common';
import { HealthModule } from './health.module.js';
import { HistoryHealthResolver } from './history-health.resolver.js';

/** The parts of the health of history that only the `api` role needs. */
@Module({ imports: [HealthModule], providers: [HistoryHealthResolver] })
export class HealthApiModule {}
