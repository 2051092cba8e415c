import { envVariablesOf, type EnvVariableDocumentation } from './env-variable.decorator.js';
import { DatabaseEnvironment } from './environment/database.env.js';
import { FindMyEnvironment } from './environment/find-my.env.js';
import { GeocodingEnvironment } from './environment/geocoding.env.js';
import { GraphqlEnvironment } from './environment/graphql.env.js';
import { ImportEnvironment } from './environment/import.env.js';
import { RedisEnvironment } from './environment/redis.env.js';
import { RetentionEnvironment } from './environment/retention.env.js';
import { ServerEnvironment } from './environment/server.env.js';
import { TrackerKeyEnvironment } from './environment/tracker-keys.env.js';

export { HISTORY_ENGINES, SPATIAL_LAYERS } from './environment/database.env.js';
export type { HistoryEngine, SpatialLayer } from './environment/database.env.js';
export { APP_ROLES } from './environment/server.env.js';
export type { AppRole } from './environment/server.env.js';

/** The groups of environment variables, in the order in which the documentation lists them. */
export const ENVIRONMENT_GROUPS = [
  ServerEnvironment,
  DatabaseEnvironment,
  RedisEnvironment,
  RetentionEnvironment,
  GraphqlEnvironment,
  GeocodingEnvironment,
  ImportEnvironment,
  FindMyEnvironment,
  TrackerKeyEnvironment,
] as const;

/** Every environment variable that the product reads, by its name. */
export type Environment = ServerEnvironment &
  DatabaseEnvironment &
  RedisEnvironment &
  RetentionEnvironment &
  GraphqlEnvironment &
  GeocodingEnvironment &
  ImportEnvironment &
  FindMyEnvironment &
  TrackerKeyEnvironment;

/** Documentation of every variable, by its name. docs/configuration.md and .env.example are checked against it by a test. */
export const ENV_VARIABLES: ReadonlyMap<string, EnvVariableDocumentation> = new Map(
  ENVIRONMENT_GROUPS.flatMap((group) => [...envVariablesOf(group)]),
);
