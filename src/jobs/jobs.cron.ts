import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { type Heartbeat, LivenessRegistry } from '../common/liveness/liveness.registry.js';
import { JobRunner } from './job-runner.js';

/** Polled every 5 s; a slow database may miss a few polls. */
const MAX_AGE_MS = 60_000;

/** Polls for due jobs. The database decides which are due. */
@Injectable()
export class JobsCron implements OnApplicationBootstrap {
  private readonly heartbeat: Heartbeat;

  constructor(
    private readonly jobs: JobRunner,
    liveness: LivenessRegistry,
  ) {
    this.heartbeat = liveness.loop('jobs', MAX_AGE_MS);
  }

  /** Catches up on missed slots. Not awaited: a long job must not delay the start. */
  onApplicationBootstrap(): void {
    void this.jobs.tick();
  }

  // Without waitForCompletion: a long job must not delay the others. The runner does not start a job that is running.
  // Jobs have deadlines, so the heartbeat only watches the polling.
  @Cron('*/5 * * * * *', { name: 'jobs', timeZone: 'UTC', threshold: 30_000 })
  async tick(): Promise<void> {
    await this.jobs.tick();
    this.heartbeat.beat();
  }
}
