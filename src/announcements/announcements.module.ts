import { Global, Module } from '@nestjs/common';
import { AnnouncementsRepository } from './announcements.repository.js';
import { Announcer } from './announcer.js';

/** Announces to all processes that history has changed. */
@Global()
@Module({ providers: [AnnouncementsRepository, Announcer], exports: [Announcer] })
export class AnnouncementsModule {}
