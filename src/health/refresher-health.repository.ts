import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { listenerName } from '../pg-listener/pg-listener.js';

/** The state of listeners and refreshes as the database reports it. */
export interface RefresherFacts {
  sessions: number;
  since: Date | null;
  lastNotification: Date | null;
  lastPeriodicRefresh: Date | null;
}

@Injectable()
export class RefresherHealthRepository {
  constructor(private readonly db: DataSource) {}

  /** @param channel the channel that refreshers listen on. */
  async facts(channel: string): Promise<RefresherFacts> {
    const [facts] = await this.db.query<[RefresherFacts]>(
      `SELECT count(a.pid)::int AS sessions, min(a.backend_start) AS since,
         r.notified_at AS "lastNotification", r.periodic_at AS "lastPeriodicRefresh"
       FROM refresh_state AS r LEFT JOIN pg_stat_activity AS a
         ON a.datname = current_database() AND a.application_name = $1
       GROUP BY r.notified_at, r.periodic_at`,
      [listenerName(channel)],
    );
    return facts;
  }
}
