import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { askQuickly } from '../database/session.js';

/** What the database says of the time. */
export interface ClockFacts {
  /** Its clock. */
  databaseTime: Date;
  /** The time that retention works by: see sql/definitions/common/history_clock.sql. */
  agreedTime: Date;
}

/** What a mended horizon was and is. */
export interface MendedHorizon {
  before: Date;
  now: Date;
}

@Injectable()
export class ClockRepository {
  constructor(private readonly db: DataSource) {}

  /** Looks, and changes nothing. */
  async facts(): Promise<ClockFacts> {
    const [facts] = await askQuickly<[ClockFacts]>(
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
    const [facts] = await askQuickly<[ClockFacts]>(
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

  /** Where mendHorizon() would move the horizon to. */
  async mendedHorizon(): Promise<MendedHorizon> {
    const [row] = await this.db.query<[MendedHorizon]>(
      'SELECT closed_before AS before, mended_horizon() AS now FROM history_state',
    );
    return row;
  }

  /** Moves a horizon that has run ahead back. @throws 55P03 where somebody has location_reports in use for long. */
  mendHorizon(): Promise<MendedHorizon> {
    return this.db.transaction(async (session) => {
      await session.query(`SET LOCAL lock_timeout = '2s'`);
      const [row] = await session.query<[MendedHorizon]>(
        'SELECT horizon_before AS before, horizon AS now FROM mend_horizon()',
      );
      return row;
    });
  }
}
