import { Global, Module } from '@nestjs/common';
import { AnnouncementsRepository } from './announcements.repository.js';
import { Announcer } from './announcer.js';

/** What processes tell each other of changes in history. */
@Global()
@Module({ providers: [AnnouncementsRepository, Announcer], exports: [Announcer] })
export class AnnouncementsModule {}
