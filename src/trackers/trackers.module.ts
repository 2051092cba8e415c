import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TrackerEntity } from './tracker.entity.js';
import { TrackersRepository } from './trackers.repository.js';
import { TrackersService } from './trackers.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([TrackerEntity])],
  providers: [TrackersRepository, TrackersService],
  exports: [TrackersService],
})
export class TrackersModule {}
