import type { RedisConnection } from './redis-connection.js';
import { isRefusal, wasNotSent } from './redis-failure.js';
import type { RedisKeys } from './redis-keys.js';
import type { KeyContent } from './redis-scripts.js';
import { UnconfirmedKeys } from './unconfirmed-keys.js';

/** A key with the name of a lock that another process or program set. */
export interface FoundKey {
  key: string;
  /** As the command TYPE returns it; a lock is a `string`. */
  type: string;
  /** Milliseconds until it expires; -1: never. */
  ttlMs: number;
  /** The token of an acquisition, if a process of this product set it; null for other types. */
  value: string | null;
}

/** Locks in Redis: keys that contain the token of one acquisition and expire by themselves. */
export class RedisLock {
  private readonly connection: RedisConnection;
  private readonly unconfirmed: UnconfirmedKeys;

  constructor(private readonly keys: RedisKeys) {
    this.connection = keys.connection;
    this.unconfirmed = new UnconfirmedKeys(this.connection);
  }

  /**
   * Takes a lock. If Redis does not answer in time, the key is deleted later, in case it was set after all.
   *
   * @param name of the lock, e.g. `view_refresh_lock`.
   * @returns the lock, or the key that already has its name.
   * @throws when Redis cannot be reached, or accepts no writes.
   */
  async take(name: string, token: string, ttlMs: number): Promise<HeldKey | FoundKey> {
    if (this.unconfirmed.isRedisSilent)
      throw new Error('Redis has not answered since an earlier command timed out');
    const key = await this.keys.key(name);
    try {
      const content = await this.connection.write((redis) => redis.takeLock(key, token, ttlMs));
      return content === null
        ? new HeldKey(this.keys, this.unconfirmed, { name, key, token, ttlMs })
        : foundKey(key, content);
    } catch (error) {
      if (!isRefusal(error) && !wasNotSent(error)) this.unconfirmed.deleteLater(key, token, ttlMs);
      throw error;
    }
  }

  /** The key that has the name of a lock; null: none. @throws when Redis cannot be reached. */
  async inspect(name: string): Promise<FoundKey | null> {
    const key = `${(await this.keys.inspect()).prefix}:${name}`;
    const content = await this.connection.run((redis) => redis.inspectLock(key));
    return content && foundKey(key, content);
  }
}

/** A lock in Redis that this process holds. */
export class HeldKey {
  private readonly connection: RedisConnection;

  constructor(
    private readonly keys: RedisKeys,
    private readonly unconfirmed: UnconfirmedKeys,
    private readonly lock: { name: string; key: string; token: string; ttlMs: number },
  ) {
    this.connection = keys.connection;
  }

  /**
   * Extends the lock. If the key is missing, Redis was flushed or started empty: then it is set again, which only the
   * holder of the advisory lock and its lease may do. If the deployment's prefix has changed, the new key is set.
   *
   * @returns whether this process still has the lock.
   * @throws when Redis cannot be reached.
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

  /**
   * @returns whether this process still had it.
   *
   * @throws when Redis cannot be reached; it is released once Redis answers.
   */
  async release(): Promise<boolean> {
    const { key, token, ttlMs } = this.lock;
    try {
      return (await this.connection.run((redis) => redis.compareAndDelete(key, token))) === 1;
    } catch (error) {
      this.unconfirmed.deleteLater(key, token, ttlMs);
      throw error;
    }
  }
}

function foundKey(key: string, [type, ttlMs, value]: KeyContent): FoundKey {
  return { key, type, ttlMs, value: type === 'string' ? value : null };
}
