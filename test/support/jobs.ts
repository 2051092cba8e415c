import type { DataSource } from 'typeorm';
import type { Job } from '../../src/jobs/job.js';
import { JobRunner } from '../../src/jobs/job-runner.js';
import { JobRunsRepository } from '../../src/jobs/job-runs.repository.js';
import { latestSlot, nextSlot } from '../../src/jobs/slots.js';
import { locksOf } from './locks.js';
import type { TestDatabase } from './test-database.js';

/** A row of job_runs. */
export interface RecordedRun {
  slot: Date | null;
  covers_from: Date | null;
  attempt: number;
  outcome: 'running' | 'done' | 'failed';
  ms: number | null;
  row_count: number | null;
  details: unknown;
  error: string | null;
  retry_at: Date | null;
}

/** Has no slot of these jobs be due for a while: the newest one and the next three have been done, by `test`. */
export async function restJobs(db: TestDatabase, jobs: Record<string, string>): Promise<void> {
  const now = await db.value<Date>('SELECT now()');
  for (const [job, cron] of Object.entries(jobs)) {
    let slot = latestSlot(cron, now);
    for (let i = 0; i < 4; i++, slot = nextSlot(cron, slot)) {
      await db.query(
        `INSERT INTO job_runs (job, slot, attempt, holder, outcome, finished_at) VALUES ($1, $2, 1, 'test', 'done', now())`,
        [job, slot],
      );
    }
  }
}

/** What is recorded of a job, in the order in which it began. */
export function recordedRuns(db: TestDatabase, job: string): Promise<RecordedRun[]> {
  return db.query('SELECT * FROM job_runs WHERE job = $1 ORDER BY id', [job]);
}

/** The job runner of one process. */
export function runnerOf(
  process: DataSource,
  ttlMs = 1000,
  runs = new JobRunsRepository(process),
): JobRunner {
  return new JobRunner(runs, locksOf(process, ttlMs));
}

/** An hourly job named `test`. */
export function testJob(run: Job['run'], others: Partial<Job> = {}): Job {
  return { name: 'test', cron: '7 * * * *', deadlineMs: 60_000, run, ...others };
}
