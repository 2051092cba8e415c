import { DataSource } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import type { AppConfig } from '../config/app-config.js';
import { dataSourceOptions } from '../database/data-source.js';
import type { SessionSettings } from '../database/session-settings.js';
import { MIGRATION_NAME } from './migration-lock.js';

/** A data source with the steps of this program, and the table that records which of them have run. */
export function createMigrationDataSource(
  config: AppConfig,
  url: string,
  session: SessionSettings,
): DataSource {
  return new DataSource({
    ...dataSourceOptions(config, url, { applicationName: MIGRATION_NAME, session }),
    migrations,
    migrationsTableName: 'schema_migrations',
    migrationsTransactionMode: 'each',
  });
}
