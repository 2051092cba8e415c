import { getRedisConnectionToken, RedisModule } from '@nestjs-modules/ioredis';
import { type DynamicModule, Module } from '@nestjs/common';
import type { Redis } from 'ioredis';
import type { AppConfig } from '../config/app-config.js';
import { DeploymentRepository } from './deployment.repository.js';
import { LockLeasesRepository } from './lock-leases.repository.js';
import { LockService } from './lock.service.js';
import { REDIS_OPTIONS, RedisConnection } from './redis-connection.js';
import { RedisKeys } from './redis-keys.js';
import { RedisLock } from './redis-lock.js';
import { RedisStatus } from './redis-status.js';

/** Locks of the whole deployment, over Redis where `REDIS_URL` is set. */
@Module({})
export class LockingModule {
  static forRoot({ REDIS_URL, REDIS_KEY_PREFIX, LOCK_TTL_MS }: AppConfig): DynamicModule {
    return {
      module: LockingModule,
      global: true,
      imports: REDIS_URL
        ? [RedisModule.forRoot({ type: 'single', url: REDIS_URL, options: REDIS_OPTIONS })]
        : [],
      providers: [
        LockLeasesRepository,
        DeploymentRepository,
        {
          provide: RedisConnection,
          useFactory: (redis?: Redis) => new RedisConnection(redis ?? null),
          inject: [{ token: getRedisConnectionToken(), optional: true }],
        },
        {
          provide: RedisKeys,
          useFactory: (redis: RedisConnection, deployments: DeploymentRepository) =>
            new RedisKeys(redis, deployments, REDIS_KEY_PREFIX ?? null),
          inject: [RedisConnection, DeploymentRepository],
        },
        {
          provide: RedisStatus,
          useFactory: (keys: RedisKeys) => new RedisStatus(keys),
          inject: [RedisKeys],
        },
        {
          provide: LockService,
          useFactory: (leases: LockLeasesRepository, keys: RedisKeys) =>
            new LockService(leases, keys.connection.isConfigured ? new RedisLock(keys) : null, LOCK_TTL_MS),
          inject: [LockLeasesRepository, RedisKeys],
        },
      ],
      exports: [LockService, RedisKeys, RedisStatus],
    };
  }
}
