import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Redis, RedisOptions } from 'ioredis';
import { describeRedisFailure, isRefusal } from './redis-failure.js';
import { defineScripts } from './redis-scripts.js';

const COMMAND_TIMEOUT_MS = 2_000;
const LONGEST_WAIT_MS = 5_000;

/**
 * A Redis that does not answer must not delay anybody: commands fail at once while there is no connection, and soon if
 * Redis hangs. The connection itself is retried for ever.
 */
export const REDIS_OPTIONS: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  // ioredis does not catch a failure of its own resubscription, which would end the process. See listen().
  autoResubscribe: false,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: COMMAND_TIMEOUT_MS,
  keepAlive: 10_000,
  retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2),
};

const ENDED = 'the connection ended';
const FALLBACK = 'using only the advisory locks of the database';

/** The Redis connection of this process, if one is configured. Correctness does not depend on it: see LockService. */
export class RedisConnection implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Redis');
  /** Resolves when the first attempt to connect has succeeded or failed. */
  private attempted: Promise<void> = Promise.resolve();
  /** Why there is no connection; null if there is one. */
  private outage: string | null = null;
  /** Whether Redis refused the last write, e.g. because it is full. */
  private refusesWrites = false;
  private closed = false;

  constructor(private readonly redis: Redis | null) {
    if (redis) defineScripts(redis);
    redis?.on('error', (error: Error) => this.recordOutage(error.message || error.name));
    redis?.on('close', () => this.recordOutage(ENDED));
    redis?.on('ready', () => {
      this.outage = null;
      this.logger.log('connected');
    });
  }

  get isConfigured(): boolean {
    return this.redis !== null;
  }

  /** Whether this process has disconnected for good. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** Does not wait: a slow Redis must not delay the start. */
  onModuleInit(): void {
    if (this.redis) this.attempted = this.redis.connect().catch(() => undefined); // logged by the 'error' handler
  }

  /** Runs commands. @throws at once, or within seconds, when Redis cannot be reached. */
  async run<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    if (!this.redis) throw new Error('no Redis is configured');
    await this.attempted;
    return work(this.redis);
  }

  /**
   * As run(), for commands that write: Redis refuses them when it is full or read-only. Logs the first refusal, and its
   * end.
   */
  async write<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const result = await this.attemptWrite(work);
    this.recordWrite();
    return result;
  }

  /** As write(), for commands that may turn out not to write: call recordWrite() when they did. */
  async attemptWrite<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await this.run(work);
    } catch (error) {
      if (isRefusal(error)) {
        if (!this.refusesWrites) this.logger.warn(`${describeRedisFailure(error)}; ${FALLBACK}`);
        this.refusesWrites = true;
      }
      throw error;
    }
  }

  recordWrite(): void {
    if (this.refusesWrites) this.logger.log('accepts writes again');
    this.refusesWrites = false;
  }

  /** Describes the failure of a command, as the rest of a sentence that begins with "Redis". */
  describe(error: unknown): string {
    return describeRedisFailure(error, this.outage);
  }

  /**
   * Calls back at every message of a channel, and after every reconnect, because messages may have been missed.
   *
   * @param channel resolves to the name of the channel; retried when it rejects.
   * @returns a function that stops listening.
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
      await subscriber?.subscribe(name).then(onMessage, () => undefined); // after a failure the client reconnects
    };
    subscriber?.on('error', () => undefined); // logged by the other connection
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

  /** Logs once per outage, not at every attempt. */
  private recordOutage(reason: string): void {
    if (this.outage === null) this.logger.warn(`not connected (${reason}); ${FALLBACK}`);
    if (this.outage === null || reason !== ENDED) this.outage = reason; // ENDED also follows every more precise reason
  }
}
