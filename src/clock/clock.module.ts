import { Module } from '@nestjs/common';
import { ClockRepository } from './clock.repository.js';
import { ClockService } from './clock.service.js';
import { SystemClock } from './system-clock.js';

/** The time that retention may rely on. src/app.module.ts adds the watcher to the roles that run it. */
@Module({ providers: [SystemClock, ClockRepository, ClockService], exports: [ClockService] })
export class ClockModule {}
