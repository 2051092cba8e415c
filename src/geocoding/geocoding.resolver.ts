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
      'Geocodes locations now, replacing their current city, and returns them in the order of the ids. ' +
      'Ids without a row are left out.',
  })
  async processLocationHistoryGeocoding(
    @Args() { locationIds }: LocationIdsArgs,
  ): Promise<LocationHistoryModel[]> {
    return (await this.locations.process(locationIds)).map(toLocationHistoryModel);
  }

  @Mutation(() => GeocodingRequestModel, {
    description:
      'Queues the reports of locations that have no city, and returns without waiting for the result.',
  })
  requestGeocoding(@Args() { locationIds }: LocationIdsArgs): Promise<GeocodingRequestModel> {
    return this.locations.request(locationIds);
  }

  @Query(() => GeocodingStatusModel, { description: 'Progress of geocoding, and its providers.' })
  geocodingStatus(): Promise<GeocodingStatusModel> {
    return this.locations.status();
  }
}
