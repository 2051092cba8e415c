import { Step } from '../src/database/schema/step.js';

/** Leases of locks, runs of scheduled jobs, and times of refreshes. */
export class CreateJobsAndLocks1764000000008 extends Step {
  readonly folder = '0001';

  files(): readonly string[] {
    return ['common/lock_leases', 'common/job_runs', 'common/refresh_times'];
  }
}
