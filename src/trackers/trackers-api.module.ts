import { Module } from '@nestjs/common';
import { StatusHistoryResolver } from './status-history.resolver.js';
import { TrackerSearchRepository } from './tracker-search.repository.js';
import { TrackerSearchResolver } from './tracker-search.resolver.js';
import { TrackerSearchService } from './tracker-search.service.js';
import { TrackerStatusesRepository } from './tracker-statuses.repository.js';
import { TrackerStatusesResolver } from './tracker-statuses.resolver.js';
import { TrackerStatusesService } from './tracker-statuses.service.js';
import { TrackersModule } from './trackers.module.js';
import { TrackersResolver } from './trackers.resolver.js';

/** The parts of trackers that only the `api` role uses: the resolvers, and the services that only they call. */
@Module({
  imports: [TrackersModule],
  providers: [
    TrackersResolver,
    TrackerSearchRepository,
    TrackerSearchService,
    TrackerSearchResolver,
    TrackerStatusesRepository,
    TrackerStatusesService,
    TrackerStatusesResolver,
    StatusHistoryResolver,
  ],
})
export class TrackersApiModule {}
