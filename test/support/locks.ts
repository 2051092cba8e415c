import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { DataSource } from 'typeorm';
import { LockLeasesRepository } from '../../src/locking/lock-leases.repository.js';
import { LockService } from '../../src/locking/lock.service.js';
import { REDIS_OPTIONS, RedisConnection } from '../../src/locking/redis-connection.js';
import { RedisLock } from '../../src/locking/redis-lock.js';

/** The locks of one process, over the advisory locks alone. */
export function locksOf(db: DataSource, ttlMs = 30_000): LockService {
  return new LockService(new LockLeasesRepository(db), null, ttlMs);
}

/** The locks of one process, over a Redis too. */
export class LocksWithRedis {
  readonly connection: RedisConnection;
  readonly service: LockService;

  constructor(db: DataSource, url: string, ttlMs: number) {
    this.connection = new RedisConnection(new Redis(url, REDIS_OPTIONS));
    this.connection.onModuleInit();
    this.service = new LockService(new LockLeasesRepository(db), new RedisLock(this.connection), ttlMs);
  }

  close(): void {
    this.connection.onApplicationShutdown();
  }
}

/** A name that no other test locks. */
export const lockName = (): string => `test_${randomUUID()}`;
