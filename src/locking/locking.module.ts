import { getRedisConnectionToken, RedisModule } from '@nestjs-modules/ioredis';
import { type DynamicModule, Module } from '@nestjs/common';
import type { Redis } from 'ioredis';
import type { AppConfig } from '../config/app-config.js';
import { LockLeasesRepository } from './lock-leases.repository.js';
import { LockService } from './lock.service.js';
import { REDIS_OPTIONS, RedisConnection } from './redis-connection.js';
import { RedisLock } from './redis-lock.js';

/** Locks of the whole deployment, over Redis where `REDIS_URL` is set. */
@Module({})
export class LockingModule {
  static for({ REDIS_URL, LOCK_TTL_MS }: AppConfig): DynamicModule {
    return {
      module: LockingModule,
      global: true,
      imports: REDIS_URL
        ? [RedisModule.forRoot({ type: 'single', url: REDIS_URL, options: REDIS_OPTIONS })]
        : [],
      providers: [
        LockLeasesRepository,
        {
          provide: RedisConnection,
          useFactory: (redis?: Redis) => new RedisConnection(redis ?? null),
          inject: [{ token: getRedisConnectionToken(), optional: true }],
        },
        {
          provide: LockService,
          useFactory: (leases: LockLeasesRepository, redis: RedisConnection) =>
            new LockService(leases, redis.isConfigured ? new RedisLock(redis) : null, LOCK_TTL_MS),
          inject: [LockLeasesRepository, RedisConnection],
        },
      ],
      exports: [LockService, RedisConnection],
    };
  }
}
