import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, IsUrl, Matches, Max, Min } from 'class-validator';
import { EnvVariable } from './env-variable.decorator.js';
import { IsCron } from './is-cron.decorator.js';

const HTTP_URL_OPTIONS = {
  protocols: ['http', 'https'],
  require_tld: false,
  require_protocol: true,
  disallow_auth: true, // it has variables of its own, which are secrets
};
/** 32 bytes. */
const KEY_BASE64 = '[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=';

/** The variables of fetching from the Find My network; a part of {@link Environment}. */
export class FindMyEnvironment {
  @EnvVariable({
    description:
      'Address of a macless-haystack endpoint, which hands out the reports of the Find My network. Not set: none are fetched.',
    secret: true, // somebody may have put a password into it
  })
  @IsOptional()
  @IsUrl(HTTP_URL_OPTIONS, {
    message: 'FIND_MY_ENDPOINT_URL must be an http or https address without user and password',
  })
  FIND_MY_ENDPOINT_URL?: string;

  @EnvVariable({ description: 'User name for the endpoint, where it asks for one.' })
  @IsOptional()
  @IsString()
  FIND_MY_USER?: string;

  @EnvVariable({ description: 'Password for the endpoint.', secret: true })
  @IsOptional()
  @IsString()
  FIND_MY_PASSWORD?: string;

  @EnvVariable({
    description:
      'Shortest time between two calls to the endpoint, of all processes together, in milliseconds (0 to 3600000).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(3_600_000)
  FIND_MY_MIN_INTERVAL_MS = 1000;

  @EnvVariable({
    description: 'How long the endpoint may take for an answer, in milliseconds (100 to 600000).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(100)
  @Max(600_000)
  FIND_MY_TIMEOUT_MS = 60_000;

  @EnvVariable({ description: 'When all trackers are asked for, in UTC: a cron expression.' })
  @IsCron()
  IMPORT_CRON = '0 */6 * * *';

  @EnvVariable({
    description: 'What the private keys of trackers are encrypted with: base64 of 32 random bytes.',
    secret: true,
  })
  @IsOptional()
  @Matches(new RegExp(`^${KEY_BASE64}$`), {
    message: 'TRACKER_KEY_ENCRYPTION_KEY must be base64 of 32 bytes (openssl rand -base64 32)',
  })
  TRACKER_KEY_ENCRYPTION_KEY?: string;

  @EnvVariable({
    description:
      'File that has it instead, in its first line; further lines are old keys. For systemd credentials and Docker secrets.',
  })
  @IsOptional()
  @IsString()
  TRACKER_KEY_ENCRYPTION_KEY_FILE?: string;

  @EnvVariable({
    description: 'Former keys, separated by commas, until `tracker keys rotate` has run.',
    secret: true,
  })
  @IsOptional()
  @Matches(new RegExp(`^ *${KEY_BASE64} *(?:, *${KEY_BASE64} *)*$`), {
    message: 'TRACKER_KEY_ENCRYPTION_OLD_KEYS must be base64 of 32 bytes each, separated by commas',
  })
  TRACKER_KEY_ENCRYPTION_OLD_KEYS?: string;
}
