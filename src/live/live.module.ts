import { Module } from '@nestjs/common';
import { TrackersModule } from '../trackers/trackers.module.js';
import { LiveHub } from './live-hub.js';
import { LiveRepository } from './live.repository.js';
import { LiveResolver } from './live.resolver.js';
import { LiveServer } from './live.server.js';
import { StatusHub } from './status-hub.js';
import { LiveService } from './live.service.js';

/** GraphQL subscriptions. */
@Module({
  imports: [TrackersModule],
  providers: [LiveRepository, LiveHub, StatusHub, LiveService, LiveResolver, LiveServer],
})
export class LiveModule {}
