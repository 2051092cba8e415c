import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { FailureLog } from '../common/errors/failure-log.js';
import { ClockService } from './clock.service.js';

const EVERY_MS = 10_000;

/** Observes the clocks continuously: only time that was observed counts as passed. */
@Injectable()
export class ClockWatcher implements OnApplicationBootstrap {
  private readonly failures = new FailureLog(new Logger('Clock'));

  constructor(private readonly clock: ClockService) {}

  onApplicationBootstrap(): void {
    void this.observe();
  }

  @Interval('clock', EVERY_MS)
  async observe(): Promise<void> {
    await this.failures.attempt('compare the clocks', () => this.clock.observe());
  }
}
