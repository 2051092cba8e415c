import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Logger } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { AggregatesApiModule } from '../aggregates/aggregates-api.module.js';
import { buildSchemaOptions } from '../common/graphql/build-schema-options.js';
import { formatError } from '../common/graphql/error-formatter.js';
import { limitRootFieldConcurrency } from '../common/graphql/limit-root-field-concurrency.js';
import { MAX_TOKENS } from '../common/graphql/query-cost.js';
import { queryLimits } from '../common/graphql/query-limits.plugin.js';
import { RequestContext } from '../common/graphql/request-context.js';
import { responseStatus } from '../common/graphql/response-status.plugin.js';
import type { AppConfig } from '../config/app-config.js';
import { ExportModule } from '../export/export.module.js';
import { FindMyApiModule } from '../find-my/find-my-api.module.js';
import { GeocodingApiModule } from '../geocoding/geocoding-api.module.js';
import { HealthApiModule } from '../health/health-api.module.js';
import { ImportHttpModule } from '../import/http/import-http.module.js';
import { ImportApiModule } from '../import/import-api.module.js';
import { LiveModule } from '../live/live.module.js';
import { LocationHistoryModule } from '../location-history/location-history.module.js';
import { PlaygroundModule } from '../playground/playground.module.js';
import { TrackersApiModule } from '../trackers/trackers-api.module.js';
import type { RolePart } from './role-part.js';

const apollo = new Logger('Apollo');

const graphqlOptions = (config: AppConfig): ApolloDriverConfig => ({
  driver: ApolloDriver,
  autoSchemaFile: true,
  sortSchema: true,
  path: '/graphql',
  transformSchema: limitRootFieldConcurrency,
  persistedQueries: false, // queries are short, so a cache of them would only add attack surface
  graphiql: false, // it loads files from another host; PlaygroundModule serves its own copy
  introspection: true,
  parseOptions: { maxLexicalTokens: MAX_TOKENS },
  includeStacktraceInErrorResponses: false,
  buildSchemaOptions,
  context: () => new RequestContext(),
  formatError,
  // Otherwise its messages bypass the log, and LOG_FORMAT=json does not apply to them.
  logger: {
    debug: (message: unknown) => apollo.debug(message),
    info: (message: unknown) => apollo.log(message),
    warn: (message: unknown) => apollo.warn(message),
    error: (message: unknown) => apollo.error(message),
  },
  plugins: [
    queryLimits({ maxComplexity: config.GRAPHQL_MAX_COMPLEXITY, maxDepth: config.GRAPHQL_MAX_DEPTH }),
    responseStatus,
    // It instruments every field and halves the speed of long answers; nothing here uses it.
    ApolloServerPluginCacheControlDisabled(),
  ],
});

export const api = (config: AppConfig): RolePart => ({
  modules: [
    GraphQLModule.forRoot<ApolloDriverConfig>(graphqlOptions(config)),
    TrackersApiModule,
    LocationHistoryModule,
    AggregatesApiModule,
    ImportApiModule,
    ExportModule,
    LiveModule,
    GeocodingApiModule,
    ImportHttpModule,
    FindMyApiModule,
    HealthApiModule,
    PlaygroundModule,
  ],
  runners: [],
});
