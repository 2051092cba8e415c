import type { RedisKeys } from './redis-keys.js';

/** Current state of Redis. */
export interface RedisState {
  /** `off`: not configured. */
  state: 'off' | 'ready' | 'degraded';
  /** Why it is degraded, as the rest of a sentence that begins with "Redis"; otherwise null. */
  reason: string | null;
  /** Pattern of the deployment's keys, e.g. `location_history:*`; null when it is unknown. */
  keys: string | null;
  /** The other deployment that has the default prefix; null: none is known. */
  otherOwner: string | null;
}

/** Checks the Redis of this process. */
export class RedisStatus {
  constructor(private readonly keys: RedisKeys) {}

  get isConfigured(): boolean {
    return this.keys.connection.isConfigured;
  }

  /** Tests a write too: a Redis that is full or read-only answers PING and cannot keep locks. */
  async state(): Promise<RedisState> {
    const { connection } = this.keys;
    if (!connection.isConfigured) return { state: 'off', reason: null, keys: null, otherOwner: null };
    const known: Pick<RedisState, 'keys' | 'otherOwner'> = { keys: null, otherOwner: null };
    try {
      const { prefix, otherOwner } = await this.keys.inspect();
      Object.assign(known, { keys: `${prefix}:*`, otherOwner });
      await connection.write((redis) => redis.probeWrite(`${prefix}:write_probe`));
      return { state: 'ready', reason: null, ...known };
    } catch (error) {
      return { state: 'degraded', reason: connection.describe(error), ...known };
    }
  }
}
