import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { AppConfig } from '../config/app-config.js';
import { dataSourceOptions } from './data-source.js';
import { SchemaGuard } from './schema-guard.js';

/** Injection token of the address that this process uses: `DATABASE_URL`, or the embedded server's. */
export const DATABASE_URL = Symbol('DATABASE_URL');

/** The one pool of connections of this process. */
@Module({})
export class DatabaseModule {
  static for(config: AppConfig, url: string): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRoot({
          ...dataSourceOptions(config, url),
          autoLoadEntities: true,
          retryAttempts: 1, // else a database that is not there is waited for in silence for half a minute
        }),
      ],
      providers: [{ provide: DATABASE_URL, useValue: url }, SchemaGuard],
      exports: [DATABASE_URL, SchemaGuard],
    };
  }
}
