import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { AnnouncementsModule } from './announcements/announcements.module.js';
import { LivenessModule } from './common/liveness/liveness.module.js';
import { StopGate } from './common/stop-gate.js';
import type { AppConfig } from './config/app-config.js';
import { ConfigModule } from './config/config.module.js';
import type { AppRole } from './config/env.schema.js';
import { DatabaseModule } from './database/database.module.js';
import { ProcessHealthModule } from './health/process-health.module.js';
import { MigrationModule } from './migration/migration.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { LockingModule } from './locking/locking.module.js';
import { PgListenerModule } from './pg-listener/pg-listener.module.js';
import type { RolePart } from './roles/role-part.js';

/** Loads the code of a role only in processes that run it: GraphQL takes a third of the start time and memory. */
const LOAD: Readonly<Record<AppRole, (config: AppConfig) => Promise<RolePart>>> = {
  api: async (config) => (await import('./roles/api.js')).api(config),
  refresher: async () => (await import('./roles/refresher.js')).refresher,
  importer: async () => (await import('./roles/importer.js')).importer,
  geocoder: async () => (await import('./roles/geocoder.js')).geocoder,
};

@Module({})
export class AppModule {
  /**
   * Combines the modules of the roles in `APP_ROLES` with those of every process, such as health checks over HTTP.
   *
   * @param databaseUrl `DATABASE_URL`, or the address of the embedded server.
   */
  static async forRoot(config: AppConfig, databaseUrl: string): Promise<DynamicModule> {
    const parts = await Promise.all(config.APP_ROLES.map((role) => LOAD[role](config)));
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        DatabaseModule.forRoot(config, databaseUrl),
        MigrationModule,
        LockingModule.forRoot(config),
        PgListenerModule,
        AnnouncementsModule,
        ScheduleModule.forRoot(),
        JobsModule.forRoot({ schedule: true }),
        LivenessModule,
        ProcessHealthModule,
        ...new Set(parts.flatMap(({ modules }) => modules)),
      ],
      providers: [StopGate, ...parts.flatMap(({ runners }) => runners)],
    };
  }
}
