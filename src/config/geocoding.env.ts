import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsUrl, Matches, Max, Min } from 'class-validator';
import { EnvVariable } from './env-variable.decorator.js';
import { ImportEnvironment } from './import.env.js';

/** Who is asked for the nearest city. */
export const GEOCODING_PROVIDERS = ['offline', 'nominatim', 'off'] as const;
export type GeocodingProvider = (typeof GEOCODING_PROVIDERS)[number];

/** The variables of geocoding; a part of `Environment`. */
export class GeocodingEnvironment extends ImportEnvironment {
  @EnvVariable({
    description:
      'Who names the nearest city: `offline` (GeoNames, in memory), `nominatim` (a server, and the other one until it answers), `off`.',
  })
  @IsIn(GEOCODING_PROVIDERS)
  GEOCODING_PROVIDER: GeocodingProvider = 'offline';

  @EnvVariable({ description: 'How far away the nearest city may be, in kilometres (1 to 20038).' })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(20_038)
  GEOCODING_MAX_DISTANCE_KM = 100;

  @EnvVariable({
    description:
      'Server that speaks the protocol of Nominatim; `/reverse` is added. For `GEOCODING_PROVIDER=nominatim`.',
    secret: true,
  })
  @IsOptional()
  @IsUrl({ protocols: ['http', 'https'], require_tld: false, require_protocol: true })
  NOMINATIM_URL?: string;

  @EnvVariable({
    description:
      'Who asks that server, with a way to reach you; public servers demand it. Needed with `NOMINATIM_URL`.',
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

  @EnvVariable({ description: 'Requests a day to that server, of all instances together (1 to 1000000).' })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  NOMINATIM_DAILY_BUDGET = 10_000;
}
