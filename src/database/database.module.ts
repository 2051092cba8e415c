import { type DynamicModule, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { AppConfig } from '../config/app-config.js';
import { createDataSource, dataSourceOptions } from './data-source.js';
import { directUrlOf } from './open-database.js';
import { keptSession } from './session-settings.js';

/** Injection token of the address for what needs a session: LISTEN, locks that outlive a transaction. */
export const DIRECT_URL = Symbol('DIRECT_URL');
/** Injection token of the pool of such sessions: the one pool of this process, unless that goes through a pooler. */
export const DIRECT_DATA_SOURCE = Symbol('DIRECT_DATA_SOURCE');

/** Closes the second pool, where there is one, when everything that uses it has stopped. */
@Injectable()
class DirectPoolCloser implements OnApplicationShutdown {
  constructor(
    private readonly db: DataSource,
    @Inject(DIRECT_DATA_SOURCE) private readonly direct: DataSource,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    if (this.direct !== this.db) await this.direct.destroy();
  }
}

/**
 * The connections of this process: one pool for everything, or, where `DATABASE_DIRECT_URL` is another address than
 * `DATABASE_URL`, a second one for what needs a session.
 */
@Module({})
export class DatabaseModule {
  /** @param url `DATABASE_URL`, or the embedded server's address. */
  static forRoot(config: AppConfig, url: string): DynamicModule {
    const directUrl = directUrlOf(config, url);
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRoot({
          ...dataSourceOptions(config, url, { watchUrl: directUrl }),
          autoLoadEntities: true,
          retryAttempts: 1, // else a database that is not there is waited for in silence for half a minute
          toRetry: () => false, // else the failure comes with a stack, before whoever catches it says it in a line
        }),
      ],
      providers: [
        { provide: DIRECT_URL, useValue: directUrl },
        {
          provide: DIRECT_DATA_SOURCE,
          useFactory: (db: DataSource) =>
            directUrl === url
              ? db
              : createDataSource(config, directUrl, { session: keptSession() }).initialize(),
          inject: [DataSource],
        },
        DirectPoolCloser,
      ],
      exports: [DIRECT_URL, DIRECT_DATA_SOURCE],
    };
  }
}
