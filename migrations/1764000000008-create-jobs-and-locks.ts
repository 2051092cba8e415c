import type { MigrationInterface, QueryRunner } from 'typeorm';
import { runSchema } from './sql-migration.js';

/** Who works under which lock, what the scheduled jobs did, and what the refresher has to say of itself. */
export class CreateJobsAndLocks1764000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/lock_leases', 'common/job_runs', 'common/refresh_times');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/drop_jobs_and_locks');
  }
}
