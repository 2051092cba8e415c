import { Transform, Type } from 'class-transformer';
import { ArrayNotEmpty, IsIn, IsInt, IsString, Max, Min } from 'class-validator';
import { EnvVariable } from '../env-variable.decorator.js';

/** The roles of the product; a process runs one or more of them. */
export const APP_ROLES = ['api', 'refresher', 'importer', 'geocoder'] as const;
export type AppRole = (typeof APP_ROLES)[number];

const APP_ROLES_MESSAGE = `APP_ROLES must be a comma-separated list of: ${APP_ROLES.join(', ')}`;

/** Roles, address and log format of a process. */
export class ServerEnvironment {
  @EnvVariable({
    description: 'Roles of this process, comma-separated: `api`, `refresher`, `importer`, `geocoder`.',
  })
  @Transform(({ value }: { value: string | AppRole[] }) =>
    typeof value === 'string' ? [...new Set(value.split(',').map((role) => role.trim()))] : value,
  )
  @ArrayNotEmpty({ message: APP_ROLES_MESSAGE })
  @IsIn(APP_ROLES, { each: true, message: APP_ROLES_MESSAGE })
  APP_ROLES: readonly AppRole[] = APP_ROLES;

  @EnvVariable({ description: 'Address to listen on.' })
  @IsString()
  HOST = '127.0.0.1';

  @EnvVariable({ description: 'Port to listen on (0 to 65535; 0: any free port).' })
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(65_535)
  PORT = 3000;

  @EnvVariable({ description: 'Format of log lines: `text`, or `json` (one object per line).' })
  @IsIn(['text', 'json'])
  LOG_FORMAT: 'text' | 'json' = 'text';
}
