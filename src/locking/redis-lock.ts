import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Redis, Result } from 'ioredis';
import type { RedisConnection } from './redis-connection.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    compareAndDelete(key: string, token: string): Result<number, Context>;
    compareAndExtend(key: string, token: string, ttlMs: number): Result<number, Context>;
  }
}

const script = (name: string): { numberOfKeys: number; lua: string } => ({
  numberOfKeys: 1,
  lua: readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'scripts', `${name}.lua`), 'utf8'),
});
const COMPARE_AND_DELETE = script('compare-and-delete');
const COMPARE_AND_EXTEND = script('compare-and-extend');

/** A lock in Redis: a key that holds the token of one acquisition and expires by itself. */
export class RedisLock {
  private prepared: Redis | null = null;

  constructor(private readonly connection: RedisConnection) {}

  /** @returns whether the lock is the token's now. @throws where Redis cannot be asked. */
  take(key: string, token: string, ttlMs: number): Promise<boolean> {
    return this.run(async (redis) => (await redis.set(key, token, 'PX', ttlMs, 'NX')) === 'OK');
  }

  /**
   * Extends the lock. A key that is gone was not lost to anybody: Redis was flushed or started empty. It is taken again,
   * which only the one whose advisory lock and lease still hold may ask for.
   *
   * @returns whether the lock is still the token's. @throws where Redis cannot be asked.
   */
  extend(key: string, token: string, ttlMs: number): Promise<boolean> {
    return this.run(async (redis) => {
      const answer = await redis.compareAndExtend(key, token, ttlMs);
      return answer === 0 ? (await redis.set(key, token, 'PX', ttlMs, 'NX')) === 'OK' : answer === 1;
    });
  }

  /** @returns whether it was still the token's. @throws where Redis cannot be asked. */
  release(key: string, token: string): Promise<boolean> {
    return this.run(async (redis) => (await redis.compareAndDelete(key, token)) === 1);
  }

  private run<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    return this.connection.run((redis) => {
      if (this.prepared !== redis) {
        redis.defineCommand('compareAndDelete', COMPARE_AND_DELETE);
        redis.defineCommand('compareAndExtend', COMPARE_AND_EXTEND);
        this.prepared = redis;
      }
      return work(redis);
    });
  }
}
