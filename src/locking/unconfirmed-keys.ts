import { setTimeout as sleep } from 'node:timers/promises';
import { isRefusal } from './redis-failure.js';
import type { RedisConnection } from './redis-connection.js';

const RETRY_EVERY_MS = 500;

/** A key that Redis may still set, or may not have deleted. */
interface UnconfirmedKey {
  key: string;
  token: string;
  ttlMs: number;
  /** When to stop trying to delete it; null: Redis has not answered yet. */
  until: number | null;
}

/**
 * Deletes keys of commands that Redis did not answer in time: it may execute them later, and a lock that nobody uses
 * would block everybody for its whole time to live. Retries until the key is deleted, or Redis has been answering for
 * that long.
 */
export class UnconfirmedKeys {
  private readonly keys = new Set<UnconfirmedKey>();
  private isRunning = false;

  constructor(private readonly redis: RedisConnection) {}

  /** Whether Redis did not answer a command of this process, and has not answered since. */
  get isRedisSilent(): boolean {
    return [...this.keys].some(({ until }) => until === null);
  }

  /** @param token the key is deleted only if its value is this token. */
  deleteLater(key: string, token: string, ttlMs: number): void {
    this.keys.add({ key, token, ttlMs, until: null });
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.keys.size > 0 && !this.redis.isClosed) {
      await sleep(RETRY_EVERY_MS, undefined, { ref: false });
      for (const key of this.keys) if (!(await this.tryDelete(key))) break;
    }
    this.isRunning = false;
  }

  /** @returns whether Redis answered. */
  private async tryDelete(unconfirmed: UnconfirmedKey): Promise<boolean> {
    const { key, token, ttlMs } = unconfirmed;
    try {
      const deleted = await this.redis.run((redis) => redis.compareAndDelete(key, token));
      if (deleted === 1) this.keys.delete(unconfirmed);
    } catch (error) {
      // A refusal, e.g. of a read-only replica, is an answer: then the key was not set either.
      if (!isRefusal(error)) return false;
    }
    unconfirmed.until ??= performance.now() + ttlMs;
    if (performance.now() > unconfirmed.until) this.keys.delete(unconfirmed);
    return true;
  }
}
