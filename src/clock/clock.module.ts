import { Module } from '@nestjs/common';
import { ClockRepository } from './clock.repository.js';
import { ClockService } from './clock.service.js';
import { SystemClock } from './system-clock.js';

/** The time that retention may rely on. Does not include the watcher: src/roles/refresher.ts adds it. */
@Module({ providers: [SystemClock, ClockRepository, ClockService], exports: [ClockService] })
export class ClockModule {}
