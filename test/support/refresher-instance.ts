import { jest } from '@jest/globals';
import { AggregatesService } from '../../src/aggregates/aggregates.service.js';
import { JobRunner } from '../../src/jobs/job-runner.js';
import { Api } from './api.js';
import { FaultProxy } from './fault-proxy.js';
import type { RedisServer } from './redis-server.js';
import type { TestDatabase } from './test-database.js';

/** A process of the refresher, as far as one process can be several: the whole application, behind a proxy of its own. */
export class RefresherInstance {
  private api: Api | null = null;
  /** How often it ran maintenance. */
  worked = 0;

  private constructor(
    private readonly db: TestDatabase,
    private readonly redis: RedisServer | null,
    /** All its connections to the database go through it. */
    readonly proxy: FaultProxy,
  ) {}

  static async start(db: TestDatabase, redis: RedisServer | null): Promise<RefresherInstance> {
    const instance = new RefresherInstance(db, redis, await FaultProxy.start(db.url));
    await instance.start();
    return instance;
  }

  async start(): Promise<void> {
    this.api = await Api.start(this.db, false, {
      APP_ROLES: ['refresher'],
      DATABASE_URL: this.proxy.through(this.db.url),
      LOCK_TTL_MS: 2_000,
      REFRESH_MIN_GAP_MS: 100,
      ...(this.redis && { REDIS_URL: this.redis.url }),
    });
    const aggregates = this.api.app.get(AggregatesService, { strict: false });
    const maintain = aggregates.maintain.bind(aggregates);
    jest.spyOn(aggregates, 'maintain').mockImplementation((session) => {
      this.worked += 1;
      return maintain(session);
    });
  }

  async stop(): Promise<void> {
    const { api } = this;
    this.api = null;
    await api?.stop();
  }

  /** What @Cron does every five seconds. */
  async tick(): Promise<void> {
    await this.api?.app.get(JobRunner, { strict: false }).tick();
  }

  async destroy(): Promise<void> {
    await this.stop();
    await this.proxy.stop();
  }
}
