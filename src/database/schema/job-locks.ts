import { lockKey } from '../lock-key.js';
import { databaseErrorCode, SQLSTATE } from '../../common/errors/pg-errors.js';
import type { Session } from '../session.js';

/** Jobs of running servers that use relations for a long time, each under a lock of its name. */
export const JOBS = ['maintenance', 'aggregate_refresh', 'view_refresh', 'change_refresh'] as const;
export type Job = (typeof JOBS)[number];

/** How long to wait for a job; after that the locks of its relations decide. */
const LONGEST_WAIT = '2min';
const SILENT_MS = 5_000;

/**
 * Works while these jobs are paused in all processes, of this version or an older one: they find their lock held, and retry
 * later. Waits for a running job, without holding any other lock.
 */
export async function whileJobsPaused<T>(
  session: Session,
  progress: (line: string) => void,
  work: () => Promise<T>,
  jobs: readonly Job[] = JOBS,
): Promise<T> {
  const held: string[] = [];
  try {
    for (const job of jobs) if (await take(session, job, progress)) held.push(lockKey(job));
    return await work();
  } finally {
    await session
      .query('SELECT pg_advisory_unlock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name', [held])
      .catch(() => undefined); // the session has ended, and its locks with it
  }
}

/** @returns whether the lock is ours. */
async function take(session: Session, job: Job, progress: (line: string) => void): Promise<boolean> {
  const timer = setTimeout(() => progress(`waiting for the job ${job} of a running server`), SILENT_MS);
  try {
    await session.query(`SET lock_timeout = '${LONGEST_WAIT}'`);
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
