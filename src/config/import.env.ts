import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { EnvVariable } from './env-variable.decorator.js';
import { FindMyEnvironment } from './find-my.env.js';

/** The variables of importing; a part of `Environment`. */
export class ImportEnvironment extends FindMyEnvironment {
  @EnvVariable({
    description: 'Reports that an import stores in one transaction (100 to 100000); memory grows with it.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(100)
  @Max(100_000)
  IMPORT_BATCH_SIZE = 20_000;

  @EnvVariable({
    description:
      'Rejected reports that are kept of each reason and import (0 to 1000000); all are counted, however many.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  IMPORT_QUARANTINE_LIMIT = 10_000;

  @EnvVariable({
    description: 'How long the ledger keeps an import and its rejected reports, in days (1 to 36525).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(36_525)
  IMPORT_RUNS_RETENTION_DAYS = 90;

  @EnvVariable({
    description:
      'Token that who posts to `/import` has to bring, as Bearer token or as password of Basic (16 characters or more, without spaces). Not set: anybody may post.',
    secret: true,
  })
  @IsOptional()
  @IsString()
  @Matches(/^[!-~]{16,}$/, { message: 'IMPORT_TOKEN must be 16 characters or more, without spaces' })
  IMPORT_TOKEN?: string;

  @EnvVariable({
    description: 'Largest body that `/import/reports` takes, in MB as it is sent (1 to 100000).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100_000)
  IMPORT_MAX_BODY_MB = 1024;
}
