import { lockKey } from '../lock-key.js';
import { databaseErrorCode, SQLSTATE } from '../../common/errors/pg-errors.js';
import type { Session } from '../session.js';

/** Names of the jobs that use relations for a long time, and of the lock that each holds while it runs. */
export const JOBS = ['maintenance', 'aggregate_refresh', 'view_refresh', 'change_refresh'] as const;
export type JobName = (typeof JOBS)[number];

/** How long to wait for a running job; after that the work starts, and waits for the locks of its relations. */
const MAX_WAIT = '2min';
const SILENT_MS = 5_000;

/**
 * Runs `work` while these jobs are paused in all processes, also in those of older versions: they find their lock held,
 * and retry later. Waits for a running job first, without locking any relation.
 */
export async function whileJobsPaused<T>(
  session: Session,
  progress: (line: string) => void,
  work: () => Promise<T>,
  jobs: readonly JobName[] = JOBS,
): Promise<T> {
  const held: string[] = [];
  try {
    for (const job of jobs) if (await acquire(session, job, progress)) held.push(lockKey(job));
    return await work();
  } finally {
    await session
      .query('SELECT pg_advisory_unlock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name', [held])
      .catch(() => undefined); // the session has ended, and its locks with it
  }
}

/** @returns whether the lock was acquired. */
async function acquire(session: Session, job: JobName, progress: (line: string) => void): Promise<boolean> {
  const timer = setTimeout(() => progress(`waiting for the job ${job} of a running server`), SILENT_MS);
  try {
    await session.query(`SET lock_timeout = '${MAX_WAIT}'`);
    await session.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [lockKey(job)]);
    return true;
  } catch (error) {
    if (databaseErrorCode(error) !== SQLSTATE.lockNotAvailable) throw error;
    return false;
  } finally {
    clearTimeout(timer);
    await session.query('RESET lock_timeout').catch(() => undefined);
  }
}
