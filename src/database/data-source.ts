import { DataSource, type DataSourceOptions } from 'typeorm';
import type { AppConfig } from '../config/app-config.js';
import { HeardClient } from './heard-client.js';
import { DIRECT_SESSION, type SessionSettings } from './session-settings.js';

/** How the sessions of a pool differ from the application's own. */
export interface PoolOptions {
  applicationName?: string;
  session?: SessionSettings;
  /** Where LockWatch looks: `DATABASE_DIRECT_URL`, because a pooler may have no session left. By default the same address. */
  watchUrl?: string;
}

/**
 * The one set of connection settings, for the application and for migrations.
 *
 * @param url where the database is: `DATABASE_URL`, `DATABASE_DIRECT_URL`, or the embedded server's address.
 */
export function dataSourceOptions(
  config: AppConfig,
  url: string,
  {
    applicationName = 'tracker-location-history',
    session = DIRECT_SESSION,
    watchUrl = url,
  }: PoolOptions = {},
): DataSourceOptions {
  return {
    type: 'postgres',
    applicationName,
    poolSize: config.DATABASE_POOL_SIZE,
    connectTimeoutMS: 10_000,
    // The address is not given as `url`, which TypeORM takes apart by itself: it knows no sockets.
    extra: { connectionString: url, keepAlive: true, Client: HeardClient, session, watchUrl },
    synchronize: false,
    logging: false, // what fails is thrown; whoever catches it says so
  };
}

export function createDataSource(config: AppConfig, url: string, options?: PoolOptions): DataSource {
  return new DataSource(dataSourceOptions(config, url, options));
}
