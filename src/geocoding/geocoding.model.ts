import { Field, Float, Int, ObjectType } from '@nestjs/graphql';

@ObjectType('GeocodingRequest', { description: 'What became of a request to geocode locations.' })
export class GeocodingRequestModel {
  @Field(() => Boolean, { description: 'Whether they are going to be geocoded; false where none is there.' })
  accepted!: boolean;

  @Field(() => String, { description: 'The same in words.' })
  message!: string;
}

@ObjectType('GeocodingProviderState', {
  description: 'An online provider, as all instances together see it.',
})
export class GeocodingProviderStateModel {
  @Field(() => String, { description: 'Who it is: "offline" or "nominatim".' })
  name!: string;

  @Field(() => Int, { description: 'Requests that were sent since 00:00 UTC.' })
  requestsToday!: number;

  @Field(() => Int, { description: 'Requests that may be sent a day.' })
  dailyBudget!: number;

  @Field(() => Date, { nullable: true, description: 'When it last answered.' })
  lastAnswerAt!: Date | null;

  @Field(() => Date, {
    nullable: true,
    description:
      'Until when it is not asked, because it does not work or wants a pause; null where it is asked.',
  })
  pausedUntil!: Date | null;

  @Field(() => String, { nullable: true, description: 'What was last wrong with it.' })
  lastError!: string | null;

  @Field(() => Date, { nullable: true, description: 'When that was.' })
  lastErrorAt!: Date | null;
}

@ObjectType('GeocodingStatus', { description: 'How far geocoding is, and whom it asks.' })
export class GeocodingStatusModel {
  @Field(() => String, { description: '"offline", "nominatim" or "off".' })
  provider!: string;

  @Field(() => Int, { description: 'Reports that have not been looked at yet.' })
  pending!: number;

  @Field(() => Date, { nullable: true, description: 'Since when the oldest of them waits.' })
  oldestPendingAt!: Date | null;

  @Field(() => Int, { description: 'Cells of 0.01 degrees that are known.' })
  cells!: number;

  @Field(() => Int, { description: 'Of them, those that have no city near.' })
  cellsWithoutCity!: number;

  @Field(() => Int, {
    description: 'Of them, those that the online provider may still give a better answer to.',
  })
  cellsProvisional!: number;

  @Field(() => Float, {
    description: 'Reports that were looked at, and whose cell was known already, so far.',
  })
  hits!: number;

  @Field(() => Float, { description: 'Cells that a provider had to be asked for, so far.' })
  misses!: number;

  @Field(() => Float, { description: 'Reports, and days without raw reports, that got a city, so far.' })
  filled!: number;

  @Field(() => GeocodingProviderStateModel, {
    nullable: true,
    description: 'The online provider; null where none is configured, or it has not been needed yet.',
  })
  online!: GeocodingProviderStateModel | null;
}
