import { type DynamicModule, Module } from '@nestjs/common';
import { LivenessModule } from '../common/liveness/liveness.module.js';
import { JobRunner } from './job-runner.js';
import { JobRunsRepository } from './job-runs.repository.js';
import { JobsCron } from './jobs.cron.js';

/** Runs the jobs that features register, each slot once in the whole deployment. */
@Module({})
export class JobsModule {
  /** @param schedule whether jobs run by their schedules in this process; not in one that runs a single command. */
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
