import { Transform, Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { IsDatabaseUrl } from './database-url.js';
import { EnvVariable } from './env-variable.decorator.js';
import { GeocodingEnvironment } from './geocoding.env.js';

/** Nothing that a pattern of KEYS or of an ACL means something else by, and not what is claimed by whoever comes first. */
const REDIS_KEY_PREFIX_FORM = /^(?!location_history(:|$))[\w.-]+(:[\w.-]+)*$/;
const REDIS_URL_OPTIONS = { protocols: ['redis', 'rediss'], require_tld: false, require_protocol: true };

/** Which engine keeps the aggregates. */
export const HISTORY_ENGINES = ['timescaledb', 'postgresql'] as const;
export type HistoryEngine = (typeof HISTORY_ENGINES)[number];

/** What stores positions: PostGIS, or the built-in stand-ins over `point`. */
export const SPATIAL_LAYERS = ['postgis', 'builtin'] as const;
export type SpatialLayer = (typeof SPATIAL_LAYERS)[number];

/** The parts of the product; a process runs any of them. */
export const APP_ROLES = ['api', 'refresher', 'importer', 'geocoder'] as const;
export type AppRole = (typeof APP_ROLES)[number];

const APP_ROLES_MESSAGE = `APP_ROLES must be a comma-separated list of: ${APP_ROLES.join(', ')}`;

/**
 * Every environment variable that the product reads, with its default.
 *
 * The table in docs/configuration.md and `.env.example` are checked against this class by a test.
 */
export class Environment extends GeocodingEnvironment {
  @EnvVariable({
    description: 'What this process does, comma-separated: `api`, `refresher`, `importer`, `geocoder`.',
  })
  @Transform(({ value }: { value: string | AppRole[] }) =>
    typeof value === 'string' ? [...new Set(value.split(',').map((role) => role.trim()))] : value,
  )
  @ArrayNotEmpty({ message: APP_ROLES_MESSAGE })
  @IsIn(APP_ROLES, { each: true, message: APP_ROLES_MESSAGE })
  APP_ROLES: readonly AppRole[] = APP_ROLES;

  @EnvVariable({
    description: 'PostgreSQL 15+ to use. Not set: a private server is started in `EMBEDDED_DATA_DIR`.',
    secret: true,
  })
  @IsOptional()
  @IsDatabaseUrl()
  DATABASE_URL?: string;

  @EnvVariable({
    description:
      'Direct connection for what needs a session (migrations, locks, LISTEN, jobs), where `DATABASE_URL` goes through a pooler in transaction mode.',
    secret: true,
  })
  @IsOptional()
  @IsDatabaseUrl()
  DATABASE_DIRECT_URL?: string;

  @EnvVariable({ description: 'Older name of `DATABASE_DIRECT_URL`; deprecated.', secret: true })
  @IsOptional()
  @IsDatabaseUrl()
  DATABASE_LISTEN_URL?: string;

  @EnvVariable({ description: 'Connections in the pool of one process (4 to 500).' })
  @Type(() => Number)
  @IsInt()
  @Min(4) // a job holds its lock on one, refreshes the view on another, and is asked about on a third
  @Max(500)
  DATABASE_POOL_SIZE = 10;

  @EnvVariable({
    description: 'Redis for the locks. Not set, or not reachable: the PostgreSQL advisory locks alone.',
    secret: true,
  })
  @IsOptional()
  @IsUrl(REDIS_URL_OPTIONS)
  REDIS_URL?: string;

  @EnvVariable({
    description:
      'What keys and channels in Redis begin with. Not set: `location_history`, with an identity behind it where another deployment has that already.',
  })
  @IsOptional()
  @Matches(REDIS_KEY_PREFIX_FORM, {
    message:
      '$property must be letters, digits and . _ - in parts divided by colons, and may not begin with the part location_history',
  })
  REDIS_KEY_PREFIX?: string;

  @EnvVariable({
    description:
      'How long a lock outlives a process that hangs or was killed, in milliseconds (1000 to 3600000).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1000)
  @Max(3_600_000)
  LOCK_TTL_MS = 30_000;

  @EnvVariable({ description: 'Where the embedded server keeps its data.' })
  @IsString()
  EMBEDDED_DATA_DIR = '.data';

  @EnvVariable({ description: 'Address that this process listens on.' })
  @IsString()
  HOST = '127.0.0.1';

  @EnvVariable({ description: 'Port that this process listens on (0 to 65535; 0: a free one).' })
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(65_535)
  PORT = 3000;

  @EnvVariable({
    description:
      'Engine of the aggregates: `timescaledb`, `postgresql`, or `auto` = what the database has, or a new one can have.',
  })
  @IsIn(['auto', ...HISTORY_ENGINES])
  HISTORY_ENGINE: HistoryEngine | 'auto' = 'auto';

  @EnvVariable({
    description:
      'Storage of positions: `postgis`, `builtin`, or `auto` = what the database has, in a new one PostGIS where the server has it.',
  })
  @IsIn(['auto', ...SPATIAL_LAYERS])
  SPATIAL_LAYER: SpatialLayer | 'auto' = 'auto';

  @EnvVariable({ description: 'How long raw reports are kept, in days (2 to 90).' })
  @Type(() => Number)
  @IsInt()
  @Min(2)
  @Max(90)
  RAW_RETENTION_DAYS = 2;

  @EnvVariable({
    description: 'How long hourly rows are kept, in hours (1 to 2160; rounded up to whole UTC days).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(90 * 24)
  HOURLY_RETENTION_HOURS = 24;

  @EnvVariable({
    description: 'How long daily rows are kept, in days (7 to 36525). Reports older than that are rejected.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(7)
  @Max(36_525)
  DAILY_RETENTION_DAYS = 365;

  @EnvVariable({
    description:
      'Accuracy in metres above which an incoming report is imprecise; history shows it only where there is no precise one (0 to 20037508; 0: off).',
  })
  @Type(() => Number)
  @IsNumber({}, { message: '$property must be a number' })
  @Min(0)
  @Max(20_037_508) // half the circumference of the earth, as for an accuracy itself
  MAX_ACCURACY_METERS = 1000;

  @EnvVariable({
    description:
      "How far TimescaleDB's own hourly policy reaches back, in hours (3 to 2184; 3 are the lag of 1 and two buckets).",
  })
  @Type(() => Number)
  @IsInt()
  @Min(3)
  @Max(91 * 24)
  HOURLY_REFRESH_WINDOW_HOURS = 48;

  @EnvVariable({
    description:
      "How far TimescaleDB's own daily policy reaches back, in hours (72 to 2184; 72 are the lag of 24 and two buckets).",
  })
  @Type(() => Number)
  @IsInt()
  @Min(72)
  @Max(91 * 24)
  DAILY_REFRESH_WINDOW_HOURS = 72;

  @EnvVariable({
    description:
      'Shortest time between two refreshes of the materialized view, in milliseconds (0 to 3600000).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(3_600_000)
  REFRESH_MIN_GAP_MS = 1000;

  @EnvVariable({
    description:
      'Rows that the answer to one query may have (1000 to 10000000); a query that may have more is refused.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1000)
  @Max(10_000_000)
  GRAPHQL_MAX_COMPLEXITY = 100_000;

  @EnvVariable({ description: 'Levels of fields that a query may have (5 to 100); a deeper one is refused.' })
  @Type(() => Number)
  @IsInt()
  @Min(5)
  @Max(100)
  GRAPHQL_MAX_DEPTH = 12;

  @EnvVariable({ description: 'Log lines as `text`, or as one JSON object each: `json`.' })
  @IsIn(['text', 'json'])
  LOG_FORMAT: 'text' | 'json' = 'text';
}
