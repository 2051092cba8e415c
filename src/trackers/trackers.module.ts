import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TrackerEntity } from './tracker.entity.js';
import { StatusHistoryResolver } from './status-history.resolver.js';
import { TrackerSearchRepository } from './tracker-search.repository.js';
import { TrackerSearchResolver } from './tracker-search.resolver.js';
import { TrackerSearchService } from './tracker-search.service.js';
import { TrackerStatusesRepository } from './tracker-statuses.repository.js';
import { TrackerStatusesResolver } from './tracker-statuses.resolver.js';
import { TrackerStatusesService } from './tracker-statuses.service.js';
import { TrackersRepository } from './trackers.repository.js';
import { TrackersResolver } from './trackers.resolver.js';
import { TrackersService } from './trackers.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([TrackerEntity])],
  providers: [
    TrackersRepository,
    TrackersService,
    TrackersResolver,
    TrackerSearchRepository,
    TrackerSearchService,
    TrackerSearchResolver,
    TrackerStatusesRepository,
    TrackerStatusesService,
    TrackerStatusesResolver,
    StatusHistoryResolver,
  ],
  exports: [TrackersService],
})
export class TrackersModule {}
