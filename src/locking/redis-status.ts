import type { RedisKeys } from './redis-keys.js';

/** How Redis is at the moment. */
export interface RedisState {
  /** `off`: none is configured. */
  state: 'off' | 'ready' | 'degraded';
  /** Why it is degraded, as the rest of a sentence that begins with its name; null where it is not. */
  reason: string | null;
  /** What our keys there are, e.g. `location_history:*`; null where that is not known. */
  keys: string | null;
  /** Which other deployment has the keys without an identity; null: none, as far as is known. */
  otherOwner: string | null;
}

/** Tells how the Redis of this process is. */
export class RedisStatus {
  constructor(private readonly keys: RedisKeys) {}

  get isConfigured(): boolean {
    return this.keys.connection.isConfigured;
  }

  /** Asks Redis, also for a write: one that is full or read-only answers a PING, and can keep no lock. */
  async state(): Promise<RedisState> {
    const { connection } = this.keys;
    if (!connection.isConfigured) return { state: 'off', reason: null, keys: null, otherOwner: null };
    const known: Pick<RedisState, 'keys' | 'otherOwner'> = { keys: null, otherOwner: null };
    try {
      const { prefix, otherOwner } = await this.keys.look();
      Object.assign(known, { keys: `${prefix}:*`, otherOwner });
      await connection.write((redis) => redis.probeWrite(`${prefix}:write_probe`));
      return { state: 'ready', reason: null, ...known };
    } catch (error) {
      return { state: 'degraded', reason: connection.describe(error), ...known };
    }
  }
}
