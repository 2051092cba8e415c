import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient } from '../common/errors/pg-errors.js';

/** How long to retry by default: a blocking refresh may take this long, and no user waits. */
const PATIENCE_MS = 60_000;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/**
 * Retries `work` while it fails for a transient reason: serialization failure, deadlock, lock timeout, or another
 * refresh of the same window, which TimescaleDB refuses at once.
 *
 * Waits 50 ms, then twice as long each time up to 2 s, with jitter so that two callers do not collide again.
 *
 * @param patienceMs after this time the last failure is thrown.
 * @param isRetryable which failures are retried; any other one is thrown at once.
 */
export async function retryTransient<T>(
  work: () => Promise<T>,
  patienceMs = PATIENCE_MS,
  isRetryable: (error: unknown) => boolean = isTransient,
): Promise<T> {
  const end = performance.now() + patienceMs;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() >= end || !isRetryable(error)) throw error;
      await sleep(wait * (0.5 + Math.random()));
    }
  }
}
