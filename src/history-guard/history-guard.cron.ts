import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { FailureLog } from '../common/errors/failure-log.js';
import { JobRunner } from '../jobs/job-runner.js';
import { HISTORY_CHECK, HistoryGuardService } from './history-guard.service.js';
import { RestoreWatch } from './restore-watch.js';

const MINUTE = 60_000;

/** Checks every hour that no history is missing, and every minute whether a backup was restored. */
@Injectable()
export class HistoryGuardCron implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger('HistoryGuard');
  private readonly failures = new FailureLog(this.logger);

  constructor(
    private readonly jobs: JobRunner,
    private readonly guard: HistoryGuardService,
    private readonly restores: RestoreWatch,
  ) {}

  @Interval('restore-watch', MINUTE)
  async checkForRestore(): Promise<void> {
    await this.failures.attempt('check whether a backup was restored', () => this.restores.check());
  }

  onApplicationBootstrap(): void {
    void this.checkForRestore();
  }

  onModuleInit(): void {
    this.jobs.register({
      name: HISTORY_CHECK,
      cron: '22 * * * *', // away from the other jobs, which read the same tables
      deadlineMs: 30 * MINUTE,
      run: async () => {
        const { problems } = await this.guard.check();
        for (const problem of problems) this.logger.warn(problem);
        return { rows: problems.length, details: { problems } };
      },
    });
  }
}
