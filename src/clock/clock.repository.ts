import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { queryWithTimeout } from '../database/session.js';

/** The times that the database returns. */
export interface ClockFacts {
  /** The database server's clock. */
  databaseTime: Date;
  /** The time that retention uses: see sql/definitions/common/history_clock.sql. */
  agreedTime: Date;
}

@Injectable()
export class ClockRepository {
  constructor(private readonly db: DataSource) {}

  /** Reads the times without changing anything. */
  async facts(): Promise<ClockFacts> {
    const [facts] = await queryWithTimeout<[ClockFacts]>(
      this.db,
      'SELECT clock_timestamp() AS "databaseTime", agreed_at AS "agreedTime" FROM history_clock',
    );
    return facts;
  }

  /**
   * Reports this program's clock to the database, which advances the agreed time as far as the clocks allow.
   *
   * @param machine identifies one boot of one machine.
   * @param uptime seconds since that boot.
   * @param now the program's clock.
   */
  async observe(machine: string, uptime: number, now: Date): Promise<ClockFacts> {
    const [facts] = await queryWithTimeout<[ClockFacts]>(
      this.db,
      'SELECT database_time AS "databaseTime", agreed_at AS "agreedTime" FROM observe_clock($1, $2, $3)',
      [machine, uptime, now.toISOString()],
    );
    return facts;
  }

  /** Sets the agreed time to the database's clock. */
  async accept(): Promise<void> {
    await this.db.query('SELECT accept_clock()');
  }
}
