import { setTimeout as sleep } from 'node:timers/promises';
import { isRefusal } from './redis-failure.js';
import type { RedisConnection } from './redis-connection.js';

const EVERY_MS = 500;

/** A key that may still come to be, or still be there. */
interface LateKey {
  key: string;
  token: string;
  ttlMs: number;
  /** Until when it is looked for; null: Redis has not answered since. */
  until: number | null;
}

/**
 * Takes back what a Redis that did not answer in time may do later: a lock that nobody waits for any more would keep
 * everybody away for its whole time. Tried until the key was deleted, or Redis has answered for as long as one lasts.
 */
export class LateKeys {
  private readonly keys = new Set<LateKey>();
  private isRunning = false;

  constructor(private readonly redis: RedisConnection) {}

  /** Whether Redis has not answered since a command of ours went unanswered. */
  get areUnanswered(): boolean {
    return [...this.keys].some(({ until }) => until === null);
  }

  /** @param token what the key holds where it is the one that is meant. */
  takeBack(key: string, token: string, ttlMs: number): void {
    this.keys.add({ key, token, ttlMs, until: null });
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.keys.size > 0 && !this.redis.isClosed) {
      await sleep(EVERY_MS, undefined, { ref: false });
      for (const late of this.keys) if (!(await this.tryOne(late))) break;
    }
    this.isRunning = false;
  }

  /** @returns whether Redis answered. */
  private async tryOne(late: LateKey): Promise<boolean> {
    const { key, token, ttlMs } = late;
    try {
      const deleted = await this.redis.run((redis) => redis.compareAndDelete(key, token));
      if (deleted === 1) this.keys.delete(late);
    } catch (error) {
      if (!isRefusal(error)) return false; // of a replica, for instance, which did not take the key either
    }
    late.until ??= performance.now() + ttlMs;
    if (performance.now() > late.until) this.keys.delete(late);
    return true;
  }
}
