import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { type Heartbeat, LivenessRegistry } from '../common/liveness/liveness.registry.js';
import { JobRunner } from './job-runner.js';

/** Asked every five seconds, of which a question that the database does not answer may miss some. */
const MAX_AGE_MS = 60_000;

/** The clock of all jobs. Which of them are due is the database's to say. */
@Injectable()
export class JobsCron implements OnApplicationBootstrap {
  private readonly heartbeat: Heartbeat;

  constructor(
    private readonly jobs: JobRunner,
    liveness: LivenessRegistry,
  ) {
    this.heartbeat = liveness.loop('jobs', MAX_AGE_MS);
  }

  /** Nothing may have run for weeks. Not waited for: a long job must not hold the start up. */
  onApplicationBootstrap(): void {
    void this.jobs.tick();
  }

  // Not waitForCompletion: a long job must not hold up the others. The runner begins none that runs already, so that
  // ticks come to their end beside it: a job has its deadline, and it is the asking that is watched here.
  @Cron('*/5 * * * * *', { name: 'jobs', timeZone: 'UTC', threshold: 30_000 })
  async tick(): Promise<void> {
    await this.jobs.tick();
    this.heartbeat.beat();
  }
}
