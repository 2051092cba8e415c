import { setTimeout as sleep } from 'node:timers/promises';
import type { HistoryEngine } from '../../src/config/env.schema.js';

/** Tries again until it does not throw; gives up with its last failure. */
export async function eventually<T>(work: () => T | Promise<T>, ms = 15_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(50);
    }
  }
}

/** What is true of history after a commit: at once where it is kept at commit, else when the refresher ran. */
export function onceShown<T>(engine: HistoryEngine, work: () => Promise<T>): Promise<T> {
  return engine === 'postgresql' ? work() : eventually(work);
}
