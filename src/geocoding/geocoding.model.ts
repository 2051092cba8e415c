import { Field, Float, Int, ObjectType } from '@nestjs/graphql';

@ObjectType('GeocodingRequest', { description: 'Result of a request to geocode locations.' })
export class GeocodingRequestModel {
  @Field(() => Boolean, { description: 'Whether reports were queued; false if no location was found.' })
  accepted!: boolean;

  @Field(() => String, { description: 'The result as text.' })
  message!: string;
}

@ObjectType('GeocodingProviderState', {
  description: 'State of an online provider, shared by all instances.',
})
export class GeocodingProviderStateModel {
  @Field(() => String, { description: 'Name of the provider: "nominatim".' })
  name!: string;

  @Field(() => Int, { description: 'Requests sent since 00:00 UTC.' })
  requestsToday!: number;

  @Field(() => Int, { description: 'Maximum number of requests per day.' })
  dailyBudget!: number;

  @Field(() => Date, { nullable: true, description: 'Time of its last answer.' })
  lastAnswerAt!: Date | null;

  @Field(() => Date, {
    nullable: true,
    description:
      'Time until which no requests are sent, after failures or because the provider requested a pause; null if not paused.',
  })
  pausedUntil!: Date | null;

  @Field(() => String, { nullable: true, description: 'Its last error.' })
  lastError!: string | null;

  @Field(() => Date, { nullable: true, description: 'Time of its last error.' })
  lastErrorAt!: Date | null;
}

@ObjectType('GeocodingStatus', { description: 'Progress of geocoding, and its providers.' })
export class GeocodingStatusModel {
  @Field(() => String, { description: 'Configured provider: "offline", "nominatim" or "off".' })
  provider!: string;

  @Field(() => Int, { description: 'Number of reports waiting to be geocoded.' })
  pending!: number;

  @Field(() => Date, { nullable: true, description: 'When the oldest waiting report was queued.' })
  oldestPendingAt!: Date | null;

  @Field(() => Int, { description: 'Number of cells (0.01 degrees) in the cache.' })
  cells!: number;

  @Field(() => Int, { description: 'Number of cells without a city nearby.' })
  cellsWithoutCity!: number;

  @Field(() => Int, {
    description: 'Number of cells with a provisional answer, until the online provider answers.',
  })
  cellsProvisional!: number;

  @Field(() => Float, { description: 'Number of reports geocoded from the cache so far.' })
  hits!: number;

  @Field(() => Float, { description: 'Number of cells looked up at a provider so far.' })
  misses!: number;

  @Field(() => Float, {
    description: 'Number of reports, and days without raw reports, that got a city so far.',
  })
  filled!: number;

  @Field(() => GeocodingProviderStateModel, {
    nullable: true,
    description: 'State of the online provider; null if none is configured, or if it has not been used yet.',
  })
  online!: GeocodingProviderStateModel | null;
}
