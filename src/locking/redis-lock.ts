import { LateKeys } from './late-keys.js';
import type { RedisConnection } from './redis-connection.js';
import { isRefusal, wasNotSent } from './redis-failure.js';
import type { RedisKeys } from './redis-keys.js';
import type { KeyContent } from './redis-scripts.js';

/** What is under the key of a lock that is not ours. */
export interface FoundKey {
  key: string;
  /** As TYPE has it: a lock is a `string`. */
  type: string;
  /** Milliseconds until it expires; -1: never. */
  ttlMs: number;
  /** The token of an acquisition, where it is one of ours; null for other types. */
  value: string | null;
}

/** A lock in Redis: a key that holds the token of one acquisition and expires by itself. */
export class RedisLock {
  private readonly connection: RedisConnection;
  private readonly late: LateKeys;

  constructor(private readonly keys: RedisKeys) {
    this.connection = keys.connection;
    this.late = new LateKeys(this.connection);
  }

  /**
   * Takes a lock. Where Redis does not answer in time, it is taken back when that was done after all.
   *
   * @param name of the lock, e.g. `view_refresh_lock`.
   * @returns the lock, or what is in its place.
   * @throws where Redis cannot be asked, or takes no writes.
   */
  async take(name: string, token: string, ttlMs: number): Promise<HeldKey | FoundKey> {
    if (this.late.areUnanswered) throw new Error('Redis has not answered yet');
    const key = await this.keys.key(name);
    try {
      const content = await this.connection.write((redis) => redis.takeLock(key, token, ttlMs));
      return content === null
        ? new HeldKey(this.keys, this.late, { name, key, token, ttlMs })
        : foundKey(key, content);
    } catch (error) {
      if (!isRefusal(error) && !wasNotSent(error)) this.late.takeBack(key, token, ttlMs);
      throw error;
    }
  }

  /** What is in the place of a lock; null: nothing. @throws where Redis cannot be asked. */
  async look(name: string): Promise<FoundKey | null> {
    const key = `${(await this.keys.look()).prefix}:${name}`;
    const content = await this.connection.run((redis) => redis.lookAtLock(key));
    return content && foundKey(key, content);
  }
}

/** A lock in Redis that is ours. */
export class HeldKey {
  private readonly connection: RedisConnection;

  constructor(
    private readonly keys: RedisKeys,
    private readonly late: LateKeys,
    private readonly lock: { name: string; key: string; token: string; ttlMs: number },
  ) {
    this.connection = keys.connection;
  }

  /**
   * Extends the lock. A key that is gone was not lost to anybody: Redis was flushed or started empty. It is taken again,
   * which only the one whose advisory lock and lease still hold may ask for; where the keys of the deployment have other
   * names by now, under its new one.
   *
   * @returns whether the lock is still ours. @throws where Redis cannot be asked.
   */
  async extend(): Promise<boolean> {
    const { name, token, ttlMs } = this.lock;
    const key = await this.keys.key(name);
    if (key !== this.lock.key) {
      await this.release();
      this.lock.key = key;
    }
    const answer = await this.connection.run((redis) => redis.compareAndExtend(key, token, ttlMs));
    if (answer !== 0) return answer === 1;
    return (await this.connection.write((redis) => redis.takeLock(key, token, ttlMs))) === null;
  }

  /** @returns whether it was still ours. @throws where Redis cannot be asked; it is released when that answers. */
  async release(): Promise<boolean> {
    const { key, token, ttlMs } = this.lock;
    try {
      return (await this.connection.run((redis) => redis.compareAndDelete(key, token))) === 1;
    } catch (error) {
      this.late.takeBack(key, token, ttlMs);
      throw error;
    }
  }
}

function foundKey(key: string, [type, ttlMs, value]: KeyContent): FoundKey {
  return { key, type, ttlMs, value: type === 'string' ? value : null };
}
