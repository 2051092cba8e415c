import type { Session } from '../database/session.js';

/** What a run has to say of itself. */
export interface JobResult {
  /** How many rows it was about, in the job's own sense. */
  rows?: number;
  /** Anything else, as JSON. */
  details?: Record<string, unknown>;
}

/** Something that is done by a schedule: once a slot, by one of all processes. */
export interface Job {
  /** Unique, e.g. `maintenance`; its lock has the same name. */
  name: string;
  /** When, in UTC, e.g. `0 *\/6 * * *`. */
  cron: string;
  /** How long a run may take, in milliseconds; then it is stopped, and has failed. */
  deadlineMs: number;
  /**
   * Does it. Throws where it could not: the slot is tried again.
   *
   * @param signal aborts at the deadline, when the lock is lost, and when the process stops.
   * @param session holds the job's lock; what runs on it is cancelled by then. Work on other sessions looks at the signal.
   */
  run(signal: AbortSignal, session: Session): Promise<JobResult>;
}

/** What came of a run. */
export type JobReport =
  | { outcome: 'done'; ms: number; result: JobResult }
  | { outcome: 'failed'; ms: number; error: Error }
  /** Another process is at it. */
  | { outcome: 'held' }
  /** The slot has been run. */
  | { outcome: 'taken' }
  /** The database could not be asked. */
  | { outcome: 'unavailable'; error: Error };
