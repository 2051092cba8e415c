import { type DynamicModule, type INestApplicationContext, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LivenessModule } from '../common/liveness/liveness.module.js';
import { AnnouncementsModule } from '../announcements/announcements.module.js';
import type { AppConfig } from '../config/app-config.js';
import { ConfigModule } from '../config/config.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { migrate } from '../migration/migrator.js';
import { SchemaGuard } from '../migration/schema-guard.js';
import { MigrationModule } from '../migration/migration.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { LockingModule } from '../locking/locking.module.js';
import { PgListenerModule } from '../pg-listener/pg-listener.module.js';
import { CommandLogger } from '../common/command-logger.js';
import { withDatabase } from './with-database.js';

/** The part of the application that one command needs: no server, no cron, no listener. */
@Module({})
export class CommandModule {
  static register(config: AppConfig, url: string, feature: Type): DynamicModule {
    return {
      module: CommandModule,
      imports: [
        ConfigModule.forRoot(config),
        DatabaseModule.forRoot(config, url),
        MigrationModule,
        LockingModule.forRoot(config),
        JobsModule.forRoot({ schedule: false }),
        PgListenerModule,
        AnnouncementsModule,
        LivenessModule,
        feature,
      ],
    };
  }
}

/**
 * Runs a command with one module of the application on the configured database, after checking its schema. Migrates the
 * embedded database first.
 *
 * @param writes whether the command writes to the database; if so, a standby is rejected.
 */
export function withContext<T>(
  feature: Type,
  work: (context: INestApplicationContext) => Promise<T>,
  { writes = true }: { writes?: boolean } = {},
): Promise<T> {
  return withDatabase(async (config, { url, embedded }) => {
    if (embedded) await migrate(config, url);
    const context = await NestFactory.createApplicationContext(CommandModule.register(config, url, feature), {
      logger: new CommandLogger({ logLevels: ['warn', 'error', 'fatal'] }),
      abortOnError: false,
    });
    try {
      await context.get(SchemaGuard).verify();
      if (writes) await context.get(SchemaGuard).requireWritable();
      return await work(context);
    } finally {
      await context.close();
    }
  });
}
