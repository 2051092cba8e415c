import type { RedisConnection } from './redis-connection.js';
import { isRefusal, wasNotSent } from './redis-failure.js';
import type { RedisKeys } from './redis-keys.js';
import type { KeyContent } from './redis-scripts.js';
import { UnconfirmedKeys } from './unconfirmed-keys.js';

/** A key in the place of a lock that is not ours. */
export interface FoundKey {
  key: string;
  /** As the command TYPE answers; a lock is a `string`. */
  type: string;
  /** Milliseconds until it expires; -1: never. */
  ttlMs: number;
  /** The token of an acquisition, if a process of ours set it; null for other types. */
  value: string | null;
}

/** A lock in Redis: a key that holds the token of one acquisition and expires by itself. */
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
   * @returns the lock, or the key in its place.
   * @throws when Redis cannot be asked, or accepts no writes.
   */
  async take(name: string, token: string, ttlMs: number): Promise<HeldKey | FoundKey> {
    if (this.unconfirmed.isRedisSilent) throw new Error('Redis has not answered yet');
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

  /** The key in the place of a lock; null: none. @throws when Redis cannot be asked. */
  async look(name: string): Promise<FoundKey | null> {
    const key = `${(await this.keys.look()).prefix}:${name}`;
    const content = await this.connection.run((redis) => redis.lookAtLock(key));
    return content && foundKey(key, content);
  }
}

/** A lock in Redis that we hold. */
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
   * Extends the lock. A key that is gone was not taken by anybody: Redis was flushed or started empty. It is set again, which
   * only the holder of the advisory lock and its lease may do. If the deployment's prefix has changed, the new key is set.
   *
   * @returns whether the lock is still ours. @throws when Redis cannot be asked.
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

  /** @returns whether it was still ours. @throws when Redis cannot be asked; it is released once Redis answers. */
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
