import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Redis, RedisOptions } from 'ioredis';

/** How Redis is at the moment; `off`: none is configured. */
export interface RedisState {
  state: 'off' | 'ready' | 'degraded';
  /** Why it is degraded; null where it is not. */
  reason: string | null;
}

const COMMAND_TIMEOUT_MS = 2_000;
const LONGEST_WAIT_MS = 5_000;

/**
 * A Redis that does not answer must not hold anybody up: commands fail at once while there is no connection, and soon
 * where one hangs. The connection itself is tried again for ever.
 */
export const REDIS_OPTIONS: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  // ioredis does not catch what its own attempt to subscribe again fails with: the process would end. See listen().
  autoResubscribe: false,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: COMMAND_TIMEOUT_MS,
  keepAlive: 10_000,
  retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2),
};

/** The one Redis of this process, where one is configured. Nothing depends on it: see LockService. */
export class RedisConnection implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Redis');
  /** Settles when the first attempt to connect has succeeded or failed. */
  private attempted: Promise<void> = Promise.resolve();
  private trouble: string | null = null;

  constructor(private readonly redis: Redis | null) {
    redis?.on('error', (error: Error) => this.note(error.message || error.name));
    redis?.on('close', () => this.note('the connection ended'));
    redis?.on('ready', () => {
      this.trouble = null;
      this.logger.log('connected');
    });
  }

  get isConfigured(): boolean {
    return this.redis !== null;
  }

  /** Does not wait: a Redis that is late must not stop the rest. */
  onModuleInit(): void {
    if (this.redis) this.attempted = this.redis.connect().catch(() => undefined); // 'error' has told
  }

  /** Runs commands. @throws at once, or within seconds, where Redis cannot be asked. */
  async run<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    if (!this.redis) throw new Error('no Redis is configured');
    await this.attempted;
    return work(this.redis);
  }

  /**
   * Calls back at every message of a channel, and whenever the connection was made anew: any may have been missed.
   *
   * @returns what ends it.
   */
  listen(channel: string, onMessage: () => void): () => void {
    const subscriber = this.redis?.duplicate();
    subscriber?.on('error', () => undefined); // the other connection tells
    subscriber?.on('ready', () => {
      subscriber.subscribe(channel).then(onMessage, () => undefined); // where that fails, it is made anew
    });
    subscriber?.on('message', onMessage);
    subscriber?.connect().catch(() => undefined);
    return () => subscriber?.disconnect();
  }

  /** Asks Redis how it is. */
  async state(): Promise<RedisState> {
    if (!this.redis) return { state: 'off', reason: null };
    try {
      await this.run((redis) => redis.ping());
      return { state: 'ready', reason: null };
    } catch (error) {
      return { state: 'degraded', reason: this.trouble ?? (error as Error).message };
    }
  }

  onApplicationShutdown(): void {
    this.redis?.removeAllListeners('close');
    this.redis?.disconnect();
  }

  /** Once an outage, not at every attempt. */
  private note(reason: string): void {
    if (this.trouble === null) {
      this.logger.warn(`not connected (${reason}); the advisory lock of the database alone keeps runs apart`);
    }
    this.trouble = reason;
  }
}
