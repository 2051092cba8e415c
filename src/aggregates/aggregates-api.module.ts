import { Module } from '@nestjs/common';
import { TrackersModule } from '../trackers/trackers.module.js';
import { AggregatesModule } from './aggregates.module.js';
import { AggregatesResolver } from './aggregates.resolver.js';

/** What only the `api` role needs of aggregates. */
@Module({ imports: [AggregatesModule, TrackersModule], providers: [AggregatesResolver] })
export class AggregatesApiModule {}
