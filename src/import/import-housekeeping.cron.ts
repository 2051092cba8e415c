import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { JobRunner } from '../jobs/job-runner.js';
import { ImportLedgerService } from './import-ledger.service.js';

/** Deletes old imports from the ledger, and marks imports whose process has ended as interrupted. */
@Injectable()
export class ImportHousekeepingCron implements OnModuleInit {
  constructor(
    private readonly jobs: JobRunner,
    private readonly ledger: ImportLedgerService,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  onModuleInit(): void {
    this.jobs.register({
      name: 'import_housekeeping',
      cron: '23 3 * * *',
      deadlineMs: 30 * 60_000,
      run: async (signal) => {
        await this.ledger.closeOrphaned();
        return { rows: await this.ledger.deleteOld(this.config.IMPORT_RUNS_RETENTION_DAYS, signal) };
      },
    });
  }
}
