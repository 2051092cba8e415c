import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsUrl, Matches, Max, Min } from 'class-validator';
import { EnvVariable } from '../env-variable.decorator.js';

const GEOCODING_PROVIDERS = ['offline', 'nominatim', 'off'] as const;
export type GeocodingProvider = (typeof GEOCODING_PROVIDERS)[number];

/** Look-up of the nearest city. */
export class GeocodingEnvironment {
  @EnvVariable({
    description:
      'Source of the nearest city: `offline` (GeoNames, in memory), `nominatim` (a server; `offline` until it answers), or `off`.',
  })
  @IsIn(GEOCODING_PROVIDERS)
  GEOCODING_PROVIDER: GeocodingProvider = 'offline';

  @EnvVariable({ description: 'Maximum distance to the nearest city, in kilometres (1 to 20038).' })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(20_038)
  GEOCODING_MAX_DISTANCE_KM = 100;

  @EnvVariable({
    description: 'Address of a Nominatim server, without `/reverse`. For `GEOCODING_PROVIDER=nominatim`.',
    secret: true,
  })
  @IsOptional()
  @IsUrl({ protocols: ['http', 'https'], require_tld: false, require_protocol: true })
  NOMINATIM_URL?: string;

  @EnvVariable({
    description:
      'User agent for that server, with a way to reach you; public servers require it. Required with `NOMINATIM_URL`.',
  })
  @IsOptional()
  @Matches(/^[\x20-\x7e]{1,200}$/, {
    message: 'NOMINATIM_USER_AGENT must be 1 to 200 printable ASCII characters',
  })
  NOMINATIM_USER_AGENT?: string;

  @EnvVariable({
    description: 'How long to wait for an answer of that server, in milliseconds (100 to 60000).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(100)
  @Max(60_000)
  NOMINATIM_TIMEOUT_MS = 5_000;

  @EnvVariable({
    description: 'Maximum requests per day to that server, from all processes together (1 to 1000000).',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  NOMINATIM_DAILY_BUDGET = 10_000;
}
