import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Redis, RedisOptions } from 'ioredis';
import { describeRedisFailure, isRefusal } from './redis-failure.js';
import { defineScripts } from './redis-scripts.js';

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

const ENDED = 'the connection ended';
/** What keeps runs apart while Redis does not, for the log. */
const INSTEAD = 'the advisory lock of the database alone keeps runs apart';

/** The one Redis of this process, where one is configured. Nothing depends on it: see LockService. */
export class RedisConnection implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Redis');
  /** Settles when the first attempt to connect has succeeded or failed. */
  private attempted: Promise<void> = Promise.resolve();
  private trouble: string | null = null;
  /** Whether Redis answered, and took no writes, when it was last written to. */
  private refusesWrites = false;
  private closed = false;

  constructor(private readonly redis: Redis | null) {
    if (redis) defineScripts(redis);
    redis?.on('error', (error: Error) => this.note(error.message || error.name));
    redis?.on('close', () => this.note(ENDED));
    redis?.on('ready', () => {
      this.trouble = null;
      this.logger.log('connected');
    });
  }

  get isConfigured(): boolean {
    return this.redis !== null;
  }

  /** Whether this process has let go of it for good. */
  get isClosed(): boolean {
    return this.closed;
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
   * As run(), for commands that add something: what a Redis that is full or read-only refuses. Logged once while it lasts.
   *
   * @param hasWritten whether a result tells of a write; without it, every result does.
   */
  async write<T>(
    work: (redis: Redis) => Promise<T>,
    hasWritten: (result: T) => boolean = () => true,
  ): Promise<T> {
    try {
      const result = await this.run(work);
      if (this.refusesWrites && hasWritten(result)) {
        this.logger.log('takes writes again');
        this.refusesWrites = false;
      }
      return result;
    } catch (error) {
      if (isRefusal(error)) {
        if (!this.refusesWrites) this.logger.warn(`${describeRedisFailure(error)}; ${INSTEAD}`);
        this.refusesWrites = true;
      }
      throw error;
    }
  }

  /** What a failed command says about Redis: the rest of a sentence that begins with its name. */
  describe(error: unknown): string {
    return describeRedisFailure(error, this.trouble);
  }

  /**
   * Calls back at every message of a channel, and whenever the connection was made anew: any may have been missed.
   *
   * @param channel tells its name; asked again where it fails.
   * @returns what ends it.
   */
  listen(channel: () => Promise<string>, onMessage: () => void): () => void {
    const subscriber = this.redis?.duplicate();
    let retry: NodeJS.Timeout | undefined;
    const subscribe = async (): Promise<void> => {
      let name: string;
      try {
        name = await channel();
      } catch {
        retry = setTimeout(() => void subscribe(), LONGEST_WAIT_MS).unref();
        return;
      }
      await subscriber?.subscribe(name).then(onMessage, () => undefined); // where that fails, it is made anew
    };
    subscriber?.on('error', () => undefined); // the other connection tells
    subscriber?.on('ready', () => {
      clearTimeout(retry);
      void subscribe();
    });
    subscriber?.on('message', onMessage);
    subscriber?.connect().catch(() => undefined);
    return () => {
      clearTimeout(retry);
      subscriber?.disconnect();
    };
  }

  onApplicationShutdown(): void {
    this.closed = true;
    this.redis?.removeAllListeners('close');
    this.redis?.disconnect();
  }

  /** Once an outage, not at every attempt. */
  private note(reason: string): void {
    if (this.trouble === null) this.logger.warn(`not connected (${reason}); ${INSTEAD}`);
    if (this.trouble === null || reason !== ENDED) this.trouble = reason; // every failed attempt ends so, whatever the reason
  }
}
