import { type DynamicModule, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { AppConfig } from '../config/app-config.js';
import { createDataSource, dataSourceOptions } from './data-source.js';
import { directUrlOf } from './open-database.js';
import { dedicatedSession } from './session-settings.js';

/** Injection token of the address for work that needs a session of its own: LISTEN, session locks. */
export const DIRECT_URL = Symbol('DIRECT_URL');
/** Injection token of the pool of such sessions: the main pool, unless `DATABASE_DIRECT_URL` is another address. */
export const DIRECT_DATA_SOURCE = Symbol('DIRECT_DATA_SOURCE');

/** Closes the second pool, if there is one, after everything that uses it has stopped. */
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
 * The connections of this process: one pool, and a second one for work that needs a session of its own if
 * `DATABASE_DIRECT_URL` is another address than `DATABASE_URL`.
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
          retryAttempts: 1, // otherwise it waits silently for half a minute for an unreachable database
          toRetry: () => false, // otherwise it logs the failure with a stack before the caller reports it in one line
        }),
      ],
      providers: [
        { provide: DIRECT_URL, useValue: directUrl },
        {
          provide: DIRECT_DATA_SOURCE,
          useFactory: (db: DataSource) =>
            directUrl === url
              ? db
              : createDataSource(config, directUrl, { session: dedicatedSession() }).initialize(),
          inject: [DataSource],
        },
        DirectPoolCloser,
      ],
      exports: [DIRECT_URL, DIRECT_DATA_SOURCE],
    };
  }
}
