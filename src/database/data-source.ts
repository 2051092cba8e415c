import { DataSource, type DataSourceOptions } from 'typeorm';
import type { AppConfig } from '../config/app-config.js';
import { migrations } from '../../migrations/index.js';
import { HeardClient } from './heard-client.js';
import { SESSION_OPTIONS } from './session.js';

/**
 * The one set of connection settings, for the application and for migrations.
 *
 * @param url where the database is: `DATABASE_URL`, or the embedded server's address.
 */
export function dataSourceOptions(config: AppConfig, url: string): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    applicationName: 'tracker-location-history',
    poolSize: config.DATABASE_POOL_SIZE,
    connectTimeoutMS: 10_000,
    extra: { options: SESSION_OPTIONS, keepAlive: true, Client: HeardClient },
    migrations,
    migrationsTableName: 'schema_migrations',
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false, // what fails is thrown; whoever catches it says so
  };
}

export function createDataSource(config: AppConfig, url: string): DataSource {
  return new DataSource(dataSourceOptions(config, url));
}
