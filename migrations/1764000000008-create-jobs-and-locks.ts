import { Step } from '../src/database/schema/step.js';

/** Who works under which lock, what the scheduled jobs did, and what the refresher has to say of itself. */
export class CreateJobsAndLocks1764000000008 extends Step {
  readonly folder = '0001';

  files(): readonly string[] {
    return ['common/lock_leases', 'common/job_runs', 'common/refresh_times'];
  }
}
