import { DataSource, type DataSourceOptions } from 'typeorm';
import type { AppConfig } from '../config/app-config.js';
import { CrashSafeClient } from './crash-safe-client.js';
import { DEFAULT_SESSION, type SessionSettings } from './session-settings.js';

/** Options of a pool; the defaults are for the pool of the application. */
export interface PoolOptions {
  applicationName?: string;
  session?: SessionSettings;
  /**
   * Address for LockWatch: `DATABASE_DIRECT_URL`, because a pooler may have no free session. By default the same
   * address.
   */
  watchUrl?: string;
}

/**
 * The connection settings of the application and of migrations.
 *
 * @param url `DATABASE_URL`, `DATABASE_DIRECT_URL`, or the address of the embedded server.
 */
export function dataSourceOptions(
  config: AppConfig,
  url: string,
  {
    applicationName = 'tracker-location-history',
    session = DEFAULT_SESSION,
    watchUrl = url,
  }: PoolOptions = {},
): DataSourceOptions {
  return {
    type: 'postgres',
    applicationName,
    poolSize: config.DATABASE_POOL_SIZE,
    connectTimeoutMS: 10_000,
    // Not as `url`: TypeORM parses that by itself and does not support unix sockets.
    extra: { connectionString: url, keepAlive: true, Client: CrashSafeClient, session, watchUrl },
    synchronize: false,
    logging: false, // failures are thrown, and logged where they are caught
  };
}

export function createDataSource(config: AppConfig, url: string, options?: PoolOptions): DataSource {
  return new DataSource(dataSourceOptions(config, url, options));
}
