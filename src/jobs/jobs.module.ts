import { type DynamicModule, Module } from '@nestjs/common';
import { LivenessModule } from '../common/liveness/liveness.module.js';
import { JobRunner } from './job-runner.js';
import { JobRunsRepository } from './job-runs.repository.js';
import { JobsCron } from './jobs.cron.js';

/** Runs the jobs that features register, each slot once across all processes. */
@Module({})
export class JobsModule {
  /** @param schedule whether this process runs jobs on schedule; false for commands. */
  static forRoot({ schedule }: { schedule: boolean }): DynamicModule {
    return {
      module: JobsModule,
      global: true,
      imports: [LivenessModule],
      providers: [JobRunsRepository, JobRunner, ...(schedule ? [JobsCron] : [])],
      exports: [JobRunner],
    };
  }
}
