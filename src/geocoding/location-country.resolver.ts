import { Context, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { RequestContext } from '../common/graphql/request-context.js';
import { LocationHistoryModel } from '../location-history/location-history.model.js';
import { CellsService } from './cells.service.js';

/** The field that this module adds to LocationHistory. */
@Resolver(() => LocationHistoryModel)
export class LocationCountryResolver {
  constructor(private readonly cells: CellsService) {}

  @ResolveField(() => String, {
    nullable: true,
    description:
      'Country of the nearest city, ISO 3166-1 alpha-2; null while it is unknown, or if there is none nearby.',
  })
  country(
    @Parent() { location }: LocationHistoryModel,
    @Context() context: RequestContext,
  ): Promise<string | null> {
    return context
      .loader(this.cells, (positions) => this.cells.countriesOf(positions))
      .load(`${location.latitude} ${location.longitude}`);
  }
}
