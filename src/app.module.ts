import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type DynamicModule, Logger, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { type BuildSchemaOptions, GraphQLModule } from '@nestjs/graphql';
import { ScheduleModule } from '@nestjs/schedule';
import { AggregatesCron } from './aggregates/aggregates.cron.js';
import { AggregatesListener } from './aggregates/aggregates.listener.js';
import { AggregatesModule } from './aggregates/aggregates.module.js';
import { ClockWatcher } from './clock/clock.watcher.js';
import { ClockModule } from './clock/clock.module.js';
import { HistoryGuardCron } from './history-guard/history-guard.cron.js';
import { HistoryGuardModule } from './history-guard/history-guard.module.js';
import { AnnouncementsModule } from './announcements/announcements.module.js';
import { DateTimeScalar } from './common/graphql/date-time.scalar.js';
import { StopGate } from './common/stop-gate.js';
import { formatError } from './common/graphql/error-formatter.js';
import { limitRootFieldConcurrency } from './common/graphql/limit-root-field-concurrency.js';
import { MAX_TOKENS } from './common/graphql/query-cost.js';
import { queryLimits } from './common/graphql/query-limits.plugin.js';
import { RequestContext } from './common/graphql/request-context.js';
import { responseStatus } from './common/graphql/response-status.plugin.js';
import { LivenessModule } from './common/liveness/liveness.module.js';
import type { AppConfig } from './config/app-config.js';
import { ConfigModule } from './config/config.module.js';
import type { AppRole } from './config/env.schema.js';
import { DatabaseModule } from './database/database.module.js';
import { ExportModule } from './export/export.module.js';
import { GeocodingCron } from './geocoding/geocoding.cron.js';
import { GeocodingModule } from './geocoding/geocoding.module.js';
import { FetchCron } from './find-my/fetch.cron.js';
import { FetchListener } from './find-my/fetch.listener.js';
import { FindMyModule } from './find-my/find-my.module.js';
import { HealthModule } from './health/health.module.js';
import { ProcessHealthModule } from './health/process-health.module.js';
import { ImportHttpModule } from './import/http/import-http.module.js';
import { ImportHousekeepingCron } from './import/import-housekeeping.cron.js';
import { ImportModule } from './import/import.module.js';
import { MigrationModule } from './migration/migration.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { LiveModule } from './live/live.module.js';
import { LocationHistoryModule } from './location-history/location-history.module.js';
import { LockingModule } from './locking/locking.module.js';
import { PgListenerModule } from './pg-listener/pg-listener.module.js';
import { PlaygroundModule } from './playground/playground.module.js';
import { TrackersModule } from './trackers/trackers.module.js';

/** How the schema is built from the code; also used by the command that writes `schema.gql`. */
export const buildSchemaOptions: BuildSchemaOptions = {
  scalarsMap: [{ type: Date, scalar: DateTimeScalar }],
};

const apollo = new Logger('Apollo');

const graphqlOptions = (config: AppConfig): ApolloDriverConfig => ({
  driver: ApolloDriver,
  autoSchemaFile: true,
  sortSchema: true,
  path: '/graphql',
  transformSchema: limitRootFieldConcurrency,
  persistedQueries: false, // documents are small, so a cache for them would only add attack surface
  graphiql: false, // it loads from another host; PlaygroundModule serves the IDE from this one
  introspection: true,
  parseOptions: { maxLexicalTokens: MAX_TOKENS },
  includeStacktraceInErrorResponses: false,
  buildSchemaOptions,
  context: () => new RequestContext(),
  formatError,
  // Without this, Apollo's messages bypass our logger and its JSON format.
  logger: {
    debug: (message: unknown) => apollo.debug(message),
    info: (message: unknown) => apollo.log(message),
    warn: (message: unknown) => apollo.warn(message),
    error: (message: unknown) => apollo.error(message),
  },
  plugins: [
    queryLimits({ maxComplexity: config.GRAPHQL_MAX_COMPLEXITY, maxDepth: config.GRAPHQL_MAX_DEPTH }),
    responseStatus,
    // Cache control instruments every field, which halves the speed of long answers, and nothing here uses it.
    ApolloServerPluginCacheControlDisabled(),
  ],
});

/** What a role adds to a process. */
interface RoleParts {
  modules: NonNullable<ModuleMetadata['imports']>;
  /** Crons and listeners. Modules do not provide these, so that they run only in processes with the role. */
  runners: Type[];
}

const partsOf = (config: AppConfig): Record<AppRole, RoleParts> => ({
  api: {
    modules: [
      GraphQLModule.forRoot<ApolloDriverConfig>(graphqlOptions(config)),
      TrackersModule,
      LocationHistoryModule,
      AggregatesModule,
      ImportModule,
      ExportModule,
      LiveModule,
      GeocodingModule,
      ImportHttpModule,
      FindMyModule,
      HealthModule,
      PlaygroundModule,
    ],
    runners: [],
  },
  refresher: {
    modules: [AggregatesModule, ClockModule, HistoryGuardModule],
    runners: [AggregatesListener, AggregatesCron, ClockWatcher, HistoryGuardCron],
  },
  importer: {
    modules: [ImportModule, FindMyModule],
    runners: [ImportHousekeepingCron, FetchListener, FetchCron],
  },
  geocoder: { modules: [GeocodingModule], runners: [GeocodingCron] },
});

@Module({})
export class AppModule {
  /**
   * The parts of the roles in `APP_ROLES`, and those of every process, such as health checks over HTTP.
   *
   * @param databaseUrl `DATABASE_URL`, or the address of the embedded server.
   */
  static forRoot(config: AppConfig, databaseUrl: string): DynamicModule {
    const byRole = partsOf(config);
    const chosen = config.APP_ROLES.map((role) => byRole[role]);
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
        ...new Set(chosen.flatMap(({ modules }) => modules)),
      ],
      providers: [StopGate, ...chosen.flatMap(({ runners }) => runners)],
    };
  }
}
