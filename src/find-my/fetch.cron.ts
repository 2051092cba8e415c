import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { JobRunner } from '../jobs/job-runner.js';
import { FetchService } from './fetch.service.js';

/** Ends before the next run of the default schedule (every 6 hours). */
const DEADLINE_MS = 5.5 * 3_600_000;

/** Fetches the reports of all trackers on a schedule. One process starts the fetch; all importers share the work. */
@Injectable()
export class FetchCron implements OnModuleInit {
  constructor(
    private readonly jobs: JobRunner,
    private readonly fetches: FetchService,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  onModuleInit(): void {
    if (this.config.FIND_MY_ENDPOINT_URL === undefined) return; // reports come from other sources only
    this.jobs.register({
      name: 'import',
      cron: this.config.IMPORT_CRON,
      deadlineMs: DEADLINE_MS,
      run: async (signal) => {
        const { ledger, ...details } = await this.fetches.fetchAll({ signal });
        return {
          rows: ledger ? ledger.stored + ledger.late : 0,
          details: { ...details, runId: ledger?.runId },
        };
      },
    });
  }
}
