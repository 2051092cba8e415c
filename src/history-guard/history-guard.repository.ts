import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { queryWithTimeout } from '../database/session.js';
import { CommittedTransactions } from '../database/transactions.js';

/** How long a statement waits for writers of raw reports before it gives way and is tried again. */
const LOCK_TIMEOUT = '2s';

/** What one look at a database found. */
export interface NotedDays {
  /** The same in every copy of the database. */
  lineage: string;
  /** How many looks there were, with this one; every look finds more. */
  looks: number;
  /** When the look before this one was, by the clock of the database. */
  lastLook: Date;
  /** By the same clock. */
  now: Date;
  /** Reports that each day should have, by YYYY-MM-DD. */
  days: ReadonlyMap<string, number>;
}

/** A day of which a layer has fewer reports than it should. */
export interface MissingReports {
  /** As YYYY-MM-DD. */
  day: string;
  layer: 'raw' | 'daily' | 'identities';
  expected: number;
  found: number;
}

/** A day with raw reports of which its hours or its day count others. */
export interface DifferingDay {
  /** As YYYY-MM-DD. */
  day: string;
  /** Raw reports. */
  reports: number;
  counted: number;
}

/** A policy of TimescaleDB that removes what only the product may remove. */
export interface ForeignPolicy {
  relation: string;
  policy: string;
  /** The statement that removes it. */
  remedy: string;
}

/** Where the horizon was, and where it is or would be. */
export interface MendedHorizon {
  before: Date;
  now: Date;
}

/** Reports of a day that are to be imported again. */
export interface DamagedDay {
  /** As YYYY-MM-DD. */
  day: string;
  reports: number;
}

const DAY = `to_char(day AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day`;

@Injectable()
export class HistoryGuardRepository {
  /** Whoever looks for what is missing must not wait without end for it. */
  private readonly transactions: CommittedTransactions;

  constructor(private readonly db: DataSource) {
    this.transactions = new CommittedTransactions(db, 'a look at what is there of history');
  }

  /** Compares what was noted of each day with what is there; reads all days. */
  missingReports(): Promise<MissingReports[]> {
    return this.read(
      `SELECT ${DAY}, layer, expected::int AS expected, found::int AS found FROM missing_reports() ORDER BY 1, 2`,
    );
  }

  /** Days above the horizon whose aggregates do not follow from their raw reports, though no change waits. */
  async differingDays(): Promise<DifferingDay[]> {
    const found = new Map<string, DifferingDay>();
    for (const unlike of ['hours_unlike_raw', 'days_unlike_raw']) {
      const rows = await this.read<DifferingDay[]>(
        `SELECT ${DAY}, reports::int AS reports, counted::int AS counted FROM ${unlike}()`,
      );
      for (const row of rows) found.set(row.day, row);
    }
    return [...found.values()].sort((a, b) => a.day.localeCompare(b.day));
  }

  /** Looks, and notes that it did. Of days with raw reports it finds those that came since the days were noted as well. */
  async look(): Promise<NotedDays> {
    const [[look]] = await queryWithTimeout<[[Omit<NotedDays, 'days'>], number]>(
      this.db,
      `UPDATE history_clock AS c SET looks = c.looks + 1, looked_at = clock_timestamp()
       FROM (SELECT looked_at FROM history_clock FOR UPDATE) AS before
       RETURNING c.lineage, c.looks::int AS looks, before.looked_at AS "lastLook", c.looked_at AS now`,
    );
    const rows = await this.read<{ day: string; reports: number }[]>(
      `SELECT ${DAY}, reports::int AS reports FROM days_to_remember() ORDER BY 1`,
    );
    return { ...look, days: new Map(rows.map(({ day, reports }) => [day, reports])) };
  }

  /** Notes that these days should have so many reports at least. */
  async expect(days: ReadonlyMap<string, number>): Promise<void> {
    await this.db.query(
      `INSERT INTO history_days AS h (day, reports)
       SELECT u.day AT TIME ZONE 'UTC', u.reports FROM unnest($1::timestamp[], $2::bigint[]) AS u (day, reports) ORDER BY 1
       ON CONFLICT (day) DO UPDATE SET reports = greatest(h.reports, excluded.reports)`,
      [[...days.keys()], [...days.values()]],
    );
  }

  /** Notes what is there now, where it is more than was noted. */
  async noteDays(): Promise<void> {
    await this.db.query('SELECT note_history_days()');
  }

  /** Takes what is there for all that there should be. */
  async acceptMissing(): Promise<void> {
    await this.db.query('SELECT accept_missing_reports()');
  }

  foreignPolicies(): Promise<ForeignPolicy[]> {
    return this.read('SELECT relation, policy, remedy FROM foreign_policies()');
  }

  /** Days below the horizon of which less is counted than their identities say. */
  damagedDays(): Promise<DamagedDay[]> {
    return this.db.query(
      `SELECT ${DAY}, sum(expected)::int AS reports FROM damaged_tracker_days() GROUP BY day ORDER BY 1`,
    );
  }

  /** Has these days counted anew, by what is imported again. */
  recountDamagedDays(): Promise<DamagedDay[]> {
    return this.db.query(`SELECT ${DAY}, reports::int AS reports FROM recount_damaged_days() ORDER BY 1`);
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
      await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      const [row] = await session.query<[MendedHorizon]>(
        'SELECT horizon_before AS before, horizon AS now FROM mend_horizon()',
      );
      return row;
    });
  }

  private read<T>(sql: string): Promise<T> {
    return this.transactions.run((session) => session.query(sql) as Promise<T>);
  }
}
