import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { queryWithTimeout } from '../database/session.js';

/** What the database says of the time. */
export interface ClockFacts {
  /** Its clock. */
  databaseTime: Date;
  /** The time that retention works by: see sql/definitions/common/history_clock.sql. */
  agreedTime: Date;
}

@Injectable()
export class ClockRepository {
  constructor(private readonly db: DataSource) {}

  /** Looks, and changes nothing. */
  async facts(): Promise<ClockFacts> {
    const [facts] = await queryWithTimeout<[ClockFacts]>(
      this.db,
      'SELECT clock_timestamp() AS "databaseTime", agreed_at AS "agreedTime" FROM history_clock',
    );
    return facts;
  }

  /**
   * Tells the database what this program knows of the time.
   *
   * @param machine one boot of one machine. @param uptime of it, in seconds. @param now the program's clock.
   */
  async observe(machine: string, uptime: number, now: Date): Promise<ClockFacts> {
    const [facts] = await queryWithTimeout<[ClockFacts]>(
      this.db,
      'SELECT database_time AS "databaseTime", agreed_at AS "agreedTime" FROM observe_clock($1, $2, $3)',
      [machine, uptime, now.toISOString()],
    );
    return facts;
  }

  /** Makes the clock of the database the agreed time. */
  async accept(): Promise<void> {
    await this.db.query('SELECT accept_clock()');
  }
}
