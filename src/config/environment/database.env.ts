import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, Min } from 'class-validator';
import { IsDatabaseUrl } from '../database-url.js';
import { EnvVariable } from '../env-variable.decorator.js';

/** The engines that can maintain the aggregates. */
export const HISTORY_ENGINES = ['timescaledb', 'postgresql'] as const;
export type HistoryEngine = (typeof HISTORY_ENGINES)[number];

/** How positions are stored: with PostGIS, or with the built-in functions on `point`. */
export const SPATIAL_LAYERS = ['postgis', 'builtin'] as const;
export type SpatialLayer = (typeof SPATIAL_LAYERS)[number];

/** The database and how it stores history. */
export class DatabaseEnvironment {
  @EnvVariable({
    description: 'PostgreSQL 15 or newer. Not set: a private server is started in `EMBEDDED_DATA_DIR`.',
    secret: true,
  })
  @IsOptional()
  @IsDatabaseUrl()
  DATABASE_URL?: string;

  @EnvVariable({
    description:
      'Direct address of the same database, for work that needs its own session (migrations, locks, LISTEN, jobs). Required if `DATABASE_URL` is a pooler in transaction mode.',
    secret: true,
  })
  @IsOptional()
  @IsDatabaseUrl()
  DATABASE_DIRECT_URL?: string;

  @EnvVariable({ description: 'Deprecated name of `DATABASE_DIRECT_URL`.', secret: true })
  @IsOptional()
  @IsDatabaseUrl()
  DATABASE_LISTEN_URL?: string;

  @EnvVariable({ description: 'Connections in the pool of one process (4 to 500).' })
  @Type(() => Number)
  @IsInt()
  @Min(4) // a job uses one for its lock, one to refresh the view, one to record the run
  @Max(500)
  DATABASE_POOL_SIZE = 10;

  @EnvVariable({ description: 'Data folder of the private server.' })
  @IsString()
  EMBEDDED_DATA_DIR = '.data';

  @EnvVariable({
    description:
      'Engine of the aggregates: `timescaledb`, `postgresql`, or `auto` (the engine of the database; for a new one, TimescaleDB if the server has it).',
  })
  @IsIn(['auto', ...HISTORY_ENGINES])
  HISTORY_ENGINE: HistoryEngine | 'auto' = 'auto';

  @EnvVariable({
    description:
      'How positions are stored: `postgis`, `builtin`, or `auto` (as the database already does; for a new one, PostGIS if the server has it).',
  })
  @IsIn(['auto', ...SPATIAL_LAYERS])
  SPATIAL_LAYER: SpatialLayer | 'auto' = 'auto';
}
