import { Injectable, type OnModuleInit } from '@nestjs/common';
import { JobRunner } from '../jobs/job-runner.js';
import { AggregatesService } from './aggregates.service.js';
import { PeriodicRefreshService } from './periodic-refresh.service.js';

const MINUTE = 60_000;

/** The scheduled jobs; JobRunner lets one process at a time run each. */
@Injectable()
export class AggregatesCron implements OnModuleInit {
  constructor(
    private readonly jobs: JobRunner,
    private readonly aggregates: AggregatesService,
    private readonly periodic: PeriodicRefreshService,
  ) {}

  onModuleInit(): void {
    this.jobs.register({
      name: 'maintenance',
      cron: '7 * * * *',
      deadlineMs: 30 * MINUTE,
      run: async (_, session) => {
        const report = await this.aggregates.maintain(session);
        return { rows: report.rowsRemoved, details: { ...report } };
      },
    });
    this.jobs.register({
      name: 'aggregate_refresh',
      cron: '37 * * * *', // half an hour from maintenance, which closes days on the same tables
      deadlineMs: 30 * MINUTE,
      run: async (signal, session) => ({ details: { ...(await this.periodic.refresh(session, signal)) } }),
    });
  }
}
