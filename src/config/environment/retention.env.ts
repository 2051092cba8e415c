import { Type } from 'class-transformer';
import { IsInt, IsNumber, Max, Min } from 'class-validator';
import { EnvVariable } from '../env-variable.decorator.js';

/** Retention and refresh of history. */
export class RetentionEnvironment {
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
    description: 'How long daily rows are kept, in days (7 to 36525). Older reports are rejected.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(7)
  @Max(36_525)
  DAILY_RETENTION_DAYS = 365;

  @EnvVariable({
    description:
      'A report is imprecise if its accuracy, in metres, is above this (0 to 20037508; 0: off). History shows an imprecise report only where there is no precise one.',
  })
  @Type(() => Number)
  @IsNumber({}, { message: '$property must be a number' })
  @Min(0)
  @Max(20_037_508) // half the circumference of the earth, as for an accuracy itself
  MAX_ACCURACY_METERS = 1000;

  @EnvVariable({
    description:
      "How far back TimescaleDB's hourly refresh policy reaches, in hours (3 to 2184). At least its lag of 1 hour plus two buckets.",
  })
  @Type(() => Number)
  @IsInt()
  @Min(3)
  @Max(91 * 24)
  HOURLY_REFRESH_WINDOW_HOURS = 48;

  @EnvVariable({
    description:
      "How far back TimescaleDB's daily refresh policy reaches, in hours (72 to 2184). At least its lag of 24 hours plus two buckets.",
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
}
