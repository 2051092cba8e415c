import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { LocationHistoryModel, toLocationHistoryModel } from '../location-history/location-history.model.js';
import { LocationIdsArgs } from './dto/location-ids.args.js';
import { GeocodingRequestModel, GeocodingStatusModel } from './geocoding.model.js';
import { LocationsService } from './locations.service.js';

@Resolver()
export class GeocodingResolver {
  constructor(private readonly locations: LocationsService) {}

  @Mutation(() => [LocationHistoryModel], {
    description:
      'Gives locations the city nearest to their place now, also where they have another, and returns those that are ' +
      'there, in the order of the ids.',
  })
  async processLocationHistoryGeocoding(
    @Args() { locationIds }: LocationIdsArgs,
  ): Promise<LocationHistoryModel[]> {
    return (await this.locations.process(locationIds)).map(toLocationHistoryModel);
  }

  @Mutation(() => GeocodingRequestModel, {
    description: 'Has the reports of locations that have no city geocoded soon; does not wait for it.',
  })
  requestGeocoding(@Args() { locationIds }: LocationIdsArgs): Promise<GeocodingRequestModel> {
    return this.locations.request(locationIds);
  }

  @Query(() => GeocodingStatusModel, { description: 'How far geocoding is, and whom it asks.' })
  geocodingStatus(): Promise<GeocodingStatusModel> {
    return this.locations.status();
  }
}
