import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient } from '../common/errors/pg-errors.js';

/** A refresh that is in the way may take this long; whoever works without a person waiting can afford it. */
const PATIENCE_MS = 60_000;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/**
 * Runs `work` again while the database says "not now" (serialization failure, deadlock, lock timeout, or another
 * refresh on the same window, which TimescaleDB refuses at once however long that one takes).
 *
 * @param patienceMs after this time the last failure is thrown as it is; any other failure is thrown at once.
 * @param mayPass which failures are worth another try.
 * Waits 50 ms, then twice as long each time up to 2 s, each spread by half so that two that met do not meet again.
 */
export async function retryTransient<T>(
  work: () => Promise<T>,
  patienceMs = PATIENCE_MS,
  mayPass: (error: unknown) => boolean = isTransient,
): Promise<T> {
  const end = performance.now() + patienceMs;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() >= end || !mayPass(error)) throw error;
      await sleep(wait * (0.5 + Math.random()));
    }
  }
}
