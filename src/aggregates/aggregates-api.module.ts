import { Module } from '@nestjs/common';
import { TrackersModule } from '../trackers/trackers.module.js';
import { AggregatesModule } from './aggregates.module.js';
import { AggregatesResolver } from './aggregates.resolver.js';

/** The resolver of aggregates, which only the `api` role needs. */
@Module({ imports: [AggregatesModule, TrackersModule], providers: [AggregatesResolver] })
export class AggregatesApiModule {}
