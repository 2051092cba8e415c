import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { EnvVariable } from '../env-variable.decorator.js';

/** Imports of files and over HTTP. */
export class ImportEnvironment {
  @EnvVariable({
    description:
      'Number of reports that an import stores in one transaction (100 to 100000). Memory use grows with it.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(100)
  @Max(100_000)
  IMPORT_BATCH_SIZE = 20_000;

  @EnvVariable({
    description:
      'Number of rejected reports that are kept per reason and import (0 to 1000000). All rejected reports are counted.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  IMPORT_QUARANTINE_LIMIT = 10_000;

  @EnvVariable({
    description: 'How long imports and their rejected reports are listed, in days (1 to 36525).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(36_525)
  IMPORT_RUNS_RETENTION_DAYS = 90;

  @EnvVariable({
    description:
      'Token required to post to `/import`, as Bearer token or as password of Basic authentication (at least 16 characters, no spaces). Not set: anybody may post.',
    secret: true,
  })
  @IsOptional()
  @IsString()
  @Matches(/^[!-~]{16,}$/, { message: 'IMPORT_TOKEN must be 16 characters or more, without spaces' })
  IMPORT_TOKEN?: string;

  @EnvVariable({
    description: 'Largest request body of `/import/reports`, in MB as sent (1 to 100000).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100_000)
  IMPORT_MAX_BODY_MB = 1024;
}
