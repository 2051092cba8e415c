import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { DataSource } from 'typeorm';
import { DeploymentRepository } from '../../src/locking/deployment.repository.js';
import { LockLeasesRepository } from '../../src/locking/lock-leases.repository.js';
import { type LockOutcome, LockService } from '../../src/locking/lock.service.js';
import { REDIS_OPTIONS, RedisConnection } from '../../src/locking/redis-connection.js';
import { RedisKeys } from '../../src/locking/redis-keys.js';
import { RedisLock } from '../../src/locking/redis-lock.js';
import { RedisStatus } from '../../src/locking/redis-status.js';

/** The locks of one process, over the advisory locks alone. */
export function locksOf(db: DataSource, ttlMs = 30_000): LockService {
  return new LockService(new LockLeasesRepository(db), null, ttlMs);
}

/** Where the keys of one process are that has no Redis. */
export function noRedis(db: DataSource): RedisKeys {
  return new RedisKeys(new RedisConnection(null), new DeploymentRepository(db), null);
}

/** The locks of one process, over a Redis too. */
export class LocksWithRedis {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly status: RedisStatus;
  readonly service: LockService;

  /** @param prefix what REDIS_KEY_PREFIX says. */
  constructor(db: DataSource, url: string, ttlMs: number, prefix: string | null = null) {
    this.connection = new RedisConnection(new Redis(url, REDIS_OPTIONS));
    this.connection.onModuleInit();
    this.keys = new RedisKeys(this.connection, new DeploymentRepository(db), prefix);
    this.status = new RedisStatus(this.keys);
    this.service = new LockService(new LockLeasesRepository(db), new RedisLock(this.keys), ttlMs);
  }

  close(): void {
    this.connection.onApplicationShutdown();
  }
}

/** Holds a lock until it is told to let go. */
export async function hold(
  locks: LockService,
  name: string,
): Promise<{ letGo: () => Promise<LockOutcome<void>> }> {
  let entered = (): void => undefined;
  let letGo = (): void => undefined;
  const inside = new Promise<void>((resolve) => (entered = resolve));
  const end = new Promise<void>((resolve) => (letGo = resolve));
  const holding = locks.withLock(name, async () => {
    entered();
    await end;
  });
  await Promise.race([inside, holding]);
  return {
    letGo: () => {
      letGo();
      return holding;
    },
  };
}

/** A name that no other test locks. */
export const lockName = (): string => `test_${randomUUID()}`;
