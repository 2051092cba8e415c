import { IsOptional, IsString, Matches } from 'class-validator';
import { EnvVariable } from '../env-variable.decorator.js';

/** Base64 of 32 bytes. */
const KEY_BASE64 = '[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=';

/** Encryption of the private keys of trackers. */
export class TrackerKeyEnvironment {
  @EnvVariable({
    description: 'Key that encrypts the private keys of trackers: base64 of 32 random bytes.',
    secret: true,
  })
  @IsOptional()
  @Matches(new RegExp(`^${KEY_BASE64}$`), {
    message: 'TRACKER_KEY_ENCRYPTION_KEY must be base64 of 32 bytes (openssl rand -base64 32)',
  })
  TRACKER_KEY_ENCRYPTION_KEY?: string;

  @EnvVariable({
    description:
      'File with that key on its first line and former keys on the lines below. For systemd credentials and Docker secrets.',
  })
  @IsOptional()
  @IsString()
  TRACKER_KEY_ENCRYPTION_KEY_FILE?: string;

  @EnvVariable({
    description: 'Former keys, comma-separated, until `tracker keys rotate` has run.',
    secret: true,
  })
  @IsOptional()
  @Matches(new RegExp(`^ *${KEY_BASE64} *(?:, *${KEY_BASE64} *)*$`), {
    message: 'TRACKER_KEY_ENCRYPTION_OLD_KEYS must be base64 of 32 bytes each, separated by commas',
  })
  TRACKER_KEY_ENCRYPTION_OLD_KEYS?: string;
}
