import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { queryWithTimeout, type Session } from '../database/session.js';
import { sqlFile } from '../database/sql-files.js';
import type { ScheduleState } from './slots.js';

const NEWEST_RUNS = sqlFile('queries/jobs/newest-runs');
const CLAIM_SLOT = sqlFile('queries/jobs/claim-slot');
const LAST_RUNS = sqlFile('queries/jobs/last-runs');

/** A run that has started. */
export interface ClaimedRun {
  id: string;
  /** Number of the attempt at its slot, from 1. */
  attempt: number;
  /** Newest slot of the job that was completed; null: none. */
  doneSlot: Date | null;
}

/** Recorded when a run ends. */
export interface RunRecord {
  outcome: 'done' | 'failed';
  ms: number;
  rows?: number | undefined;
  details?: Record<string, unknown> | undefined;
  error?: string | undefined;
  coversFrom?: Date | null;
  /** After a failed run: in how many milliseconds its slot is retried. */
  retryInMs?: number;
}

/** A recorded run. */
export interface JobRun {
  job: string;
  /** The scheduled time that it ran for; null if it was started by hand. */
  slot: Date | null;
  attempt: number;
  outcome: 'running' | 'done' | 'failed';
  startedAt: Date;
  ms: number | null;
  rows: number | null;
  error: string | null;
}

/** How long runs are kept; the newest successful run of each job is kept for ever. */
const KEPT = '30 days';

@Injectable()
export class JobRunsRepository {
  constructor(private readonly db: DataSource) {}

  /** State of the schedules of these jobs, by name. */
  async states(names: readonly string[]): Promise<Map<string, ScheduleState>> {
    const rows = await queryWithTimeout<(ScheduleState & { name: string })[]>(this.db, NEWEST_RUNS, [names]);
    return new Map(rows.map((row) => [row.name, row]));
  }

  /** Starts a run; to be called under the lock of the job. @returns null if the slot has been run already. */
  async claim(session: Session, job: string, slot: Date | null, holder: string): Promise<ClaimedRun | null> {
    await session.query(
      `UPDATE job_runs SET outcome = 'failed', finished_at = clock_timestamp(), retry_at = clock_timestamp(),
         error = 'its process ended, or lost the lock' WHERE job = $1 AND outcome = 'running'`,
      [job],
    );
    const [run] = (await session.query(CLAIM_SLOT, [
      job,
      slot?.toISOString() ?? null,
      holder,
    ])) as ClaimedRun[];
    return run ?? null;
  }

  /**
   * Records the end of a run.
   *
   * @returns false if another process recorded it as failed meanwhile, because its lock was lost.
   */
  async finish(id: string, run: RunRecord): Promise<boolean> {
    const [, recorded] = await queryWithTimeout<[unknown, number]>(
      this.db,
      `UPDATE job_runs SET outcome = $2, finished_at = clock_timestamp(), ms = $3, row_count = $4, details = $5, error = $6,
         covers_from = $7, retry_at = clock_timestamp() + make_interval(secs => $8::float8 / 1000)
       WHERE id = $1 AND outcome = 'running'`,
      [
        id,
        run.outcome,
        Math.round(run.ms),
        run.rows ?? null,
        run.details ?? null,
        run.error ?? null,
        run.coversFrom?.toISOString() ?? null,
        run.retryInMs ?? null,
      ],
    );
    return recorded === 1;
  }

  /** The last run of every job. */
  lastRuns(): Promise<JobRun[]> {
    return this.db.query(LAST_RUNS);
  }

  /** Details of the last successful run of a job; null if there was none. */
  async lastDetails(job: string): Promise<Record<string, unknown> | null> {
    const [run] = await queryWithTimeout<{ details: Record<string, unknown> | null }[]>(
      this.db,
      `SELECT details FROM job_runs WHERE job = $1 AND outcome = 'done' ORDER BY id DESC LIMIT 1`,
      [job],
    );
    return run?.details ?? null;
  }

  /** Deletes runs that ended long ago. */
  async deleteOld(job: string): Promise<void> {
    await queryWithTimeout(
      this.db,
      `DELETE FROM job_runs WHERE job = $1 AND finished_at < agreed_now() - interval '${KEPT}'
       AND slot < (SELECT max(slot) FROM job_runs WHERE job = $1 AND outcome = 'done')`,
      [job],
    );
  }
}
