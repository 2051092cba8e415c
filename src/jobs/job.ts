import type { Session } from '../database/session.js';

/** Result of a run. */
export interface JobResult {
  /** How many rows it processed; what a row is depends on the job. */
  rows?: number;
  /** Any further facts, as JSON. */
  details?: Record<string, unknown>;
}

/** Work on a schedule: each slot runs once, in one of the processes. */
export interface Job {
  /** Unique, e.g. `maintenance`; its lock has the same name. */
  name: string;
  /** Schedule in UTC, e.g. `0 *\/6 * * *`. */
  cron: string;
  /** How long a run may take, in milliseconds; after that it is stopped and has failed. */
  deadlineMs: number;
  /**
   * Does the work. If it throws, the slot is retried.
   *
   * @param signal aborts at the deadline, when the lock is lost, and when the process stops.
   * @param session holds the job's lock; its statements are cancelled when the signal aborts. Work on other sessions
   * has to check the signal.
   */
  run(signal: AbortSignal, session: Session): Promise<JobResult>;
}

/** Outcome of a run. */
export type JobReport =
  | { outcome: 'done'; ms: number; result: JobResult }
  | { outcome: 'failed'; ms: number; error: Error }
  /** Another process is running the job. */
  | { outcome: 'held' }
  /** The slot has been run already. */
  | { outcome: 'taken' }
  /** The database could not be reached. */
  | { outcome: 'unavailable'; error: Error };
