import { Module } from '@nestjs/common';
import { ClockRepository } from './clock.repository.js';
import { ClockService } from './clock.service.js';
import { SystemClock } from './system-clock.js';

/** What time it is, as far as history may be removed by it. src/roles/refresher.ts adds the watcher. */
@Module({ providers: [SystemClock, ClockRepository, ClockService], exports: [ClockService] })
export class ClockModule {}
