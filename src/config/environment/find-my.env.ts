import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, IsUrl, Max, Min } from 'class-validator';
import { EnvVariable } from '../env-variable.decorator.js';
import { IsCron } from '../is-cron.decorator.js';

const HTTP_URL_OPTIONS = {
  protocols: ['http', 'https'],
  require_tld: false,
  require_protocol: true,
  disallow_auth: true, // user and password have variables of their own
};

/** Fetching from the Find My network. */
export class FindMyEnvironment {
  @EnvVariable({
    description:
      'Address of a macless-haystack endpoint, which returns reports of the Find My network. Not set: no reports are fetched.',
    secret: true, // it may contain a password
  })
  @IsOptional()
  @IsUrl(HTTP_URL_OPTIONS, {
    message: 'FIND_MY_ENDPOINT_URL must be an http or https address without user and password',
  })
  FIND_MY_ENDPOINT_URL?: string;

  @EnvVariable({ description: 'User name for the endpoint, if it requires one.' })
  @IsOptional()
  @IsString()
  FIND_MY_USER?: string;

  @EnvVariable({ description: 'Password for the endpoint.', secret: true })
  @IsOptional()
  @IsString()
  FIND_MY_PASSWORD?: string;

  @EnvVariable({
    description:
      'Shortest time between two calls to the endpoint, from all processes together, in milliseconds (0 to 3600000).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(3_600_000)
  FIND_MY_MIN_INTERVAL_MS = 1000;

  @EnvVariable({
    description: 'How long to wait for an answer of the endpoint, in milliseconds (100 to 600000).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(100)
  @Max(600_000)
  FIND_MY_TIMEOUT_MS = 60_000;

  @EnvVariable({ description: 'When to fetch the reports of all trackers: a cron expression, in UTC.' })
  @IsCron()
  IMPORT_CRON = '0 */6 * * *';
}
