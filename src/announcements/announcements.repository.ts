import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { queryWithTimeout } from '../database/session.js';

@Injectable()
export class AnnouncementsRepository {
  constructor(private readonly db: DataSource) {}

  /** Notifies all listeners of a channel of the database. */
  async notify(channel: string): Promise<void> {
    await queryWithTimeout(this.db, "SELECT pg_notify($1, '')", [channel]);
  }
}
