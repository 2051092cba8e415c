import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsUrl, Matches, Max, Min } from 'class-validator';
import { EnvVariable } from '../env-variable.decorator.js';

/** Without characters special in KEYS or an ACL, and not the default prefix, which the first deployment reserves. */
const REDIS_KEY_PREFIX_FORM = /^(?!location_history(:|$))[\w.-]+(:[\w.-]+)*$/;
const REDIS_URL_OPTIONS = { protocols: ['redis', 'rediss'], require_tld: false, require_protocol: true };

/** Locks in Redis and in the database. */
export class RedisEnvironment {
  @EnvVariable({
    description: 'Redis for the locks. Not set or not reachable: PostgreSQL advisory locks alone.',
    secret: true,
  })
  @IsOptional()
  @IsUrl(REDIS_URL_OPTIONS)
  REDIS_URL?: string;

  @EnvVariable({
    description:
      'Prefix of keys and channels in Redis. Not set: `location_history`, followed by an id if another deployment uses that prefix already.',
  })
  @IsOptional()
  @Matches(REDIS_KEY_PREFIX_FORM, {
    message:
      '$property must be letters, digits and . _ - in parts separated by colons, and the first part must not be location_history',
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
}
