import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { FailureLog } from '../common/errors/failure-log.js';
import { ClockService } from './clock.service.js';

const EVERY_MS = 10_000;

/** Looks at the clocks all the time: what passes unseen is not proved to have passed. */
@Injectable()
export class ClockWatcher implements OnApplicationBootstrap {
  private readonly failures = new FailureLog(new Logger('Clock'));

  constructor(private readonly clock: ClockService) {}

  onApplicationBootstrap(): void {
    void this.look();
  }

  @Interval('clock', EVERY_MS)
  async look(): Promise<void> {
    await this.failures.attempt('look at the clocks', () => this.clock.observe());
  }
}
