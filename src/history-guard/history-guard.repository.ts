import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { queryWithTimeout } from '../database/session.js';
import { CommittedTransactions } from '../database/transactions.js';

/** How long a statement waits for writers of raw reports before it gives up and is retried. */
const LOCK_TIMEOUT = '2s';

/** One check of a database, with the number of reports that each day had. */
export interface RecordedDays {
  /** Identifies the database; a restored copy keeps it. */
  lineage: string;
  /** Number of checks so far, including this one. It only grows, unless an older backup is restored. */
  checks: number;
  /** When the previous check ran, by the database's clock. */
  lastCheck: Date;
  /** When this check ran, by the same clock. */
  now: Date;
  /** Number of reports that each day should have, by YYYY-MM-DD. */
  days: ReadonlyMap<string, number>;
}

/** A day that has fewer reports in a layer than it should. */
export interface MissingReports {
  /** As YYYY-MM-DD. */
  day: string;
  layer: 'raw' | 'daily' | 'identities';
  expected: number;
  found: number;
}

/**
 * A day whose hourly or daily rows count another number of reports than there are raw reports. If both differ,
 * `counted` is the number of the daily rows.
 */
export interface DifferingDay {
  /** As YYYY-MM-DD. */
  day: string;
  /** Number of raw reports. */
  reports: number;
  counted: number;
}

/** A retention policy of TimescaleDB that would remove data which only this product may remove. */
export interface UnwantedPolicy {
  relation: string;
  policy: string;
  /** The statement that removes the policy. */
  remedy: string;
}

/** The horizon before and after its repair; `tracker mend --json` prints these names. */
export interface RepairedHorizon {
  before: Date;
  /** The horizon after the repair. */
  now: Date;
}

/** A day whose reports have to be imported again. */
export interface DamagedDay {
  /** As YYYY-MM-DD. */
  day: string;
  reports: number;
}

const DAY = `to_char(day AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day`;

@Injectable()
export class HistoryGuardRepository {
  /** Limits how long a check waits for locks. */
  private readonly transactions: CommittedTransactions;

  constructor(private readonly db: DataSource) {
    this.transactions = new CommittedTransactions(db, 'a check of the history');
  }

  /** Compares the recorded number of reports of each day with the actual one; reads all days. */
  missingReports(): Promise<MissingReports[]> {
    return this.read(
      `SELECT ${DAY}, layer, expected::int AS expected, found::int AS found FROM missing_reports() ORDER BY 1, 2`,
    );
  }

  /** Days above the horizon whose aggregates differ from their raw reports although no change is pending. */
  async differingDays(): Promise<DifferingDay[]> {
    const found = new Map<string, DifferingDay>();
    for (const check of ['hours_unlike_raw', 'days_unlike_raw']) {
      const rows = await this.read<DifferingDay[]>(
        `SELECT ${DAY}, reports::int AS reports, counted::int AS counted FROM ${check}()`,
      );
      for (const row of rows) found.set(row.day, row);
    }
    return [...found.values()].sort((a, b) => a.day.localeCompare(b.day));
  }

  /** Counts one more check. Its days have the recorded number of reports, or the current one where that is higher. */
  async recordCheck(): Promise<RecordedDays> {
    const [[check]] = await queryWithTimeout<[[Omit<RecordedDays, 'days'>], number]>(
      this.db,
      `UPDATE history_clock AS c SET looks = c.looks + 1, looked_at = clock_timestamp()
       FROM (SELECT looked_at FROM history_clock FOR UPDATE) AS before
       RETURNING c.lineage, c.looks::int AS checks, before.looked_at AS "lastCheck", c.looked_at AS now`,
    );
    const rows = await this.read<{ day: string; reports: number }[]>(
      `SELECT ${DAY}, reports::int AS reports FROM days_to_remember() ORDER BY 1`,
    );
    return { ...check, days: new Map(rows.map(({ day, reports }) => [day, reports])) };
  }

  /** Raises the recorded number of reports of these days, where it is lower. */
  async raiseRecordedDays(days: ReadonlyMap<string, number>): Promise<void> {
    await this.db.query(
      `INSERT INTO history_days AS h (day, reports)
       SELECT u.day AT TIME ZONE 'UTC', u.reports FROM unnest($1::timestamp[], $2::bigint[]) AS u (day, reports) ORDER BY 1
       ON CONFLICT (day) DO UPDATE SET reports = greatest(h.reports, excluded.reports)`,
      [[...days.keys()], [...days.values()]],
    );
  }

  /** Raises the recorded number of reports of the days that have more now. */
  async recordDays(): Promise<void> {
    await this.db.query('SELECT note_history_days()');
  }

  /** Records the current number of reports of each day, also where it is lower than before. */
  async acceptMissing(): Promise<void> {
    await this.db.query('SELECT accept_missing_reports()');
  }

  unwantedPolicies(): Promise<UnwantedPolicy[]> {
    return this.read('SELECT relation, policy, remedy FROM foreign_policies()');
  }

  /** Days below the horizon that count fewer reports than they have identities. */
  damagedDays(): Promise<DamagedDay[]> {
    return this.db.query(
      `SELECT ${DAY}, sum(expected)::int AS reports FROM damaged_tracker_days() GROUP BY day ORDER BY 1`,
    );
  }

  /** Resets the counts of these days, so that reports imported again are counted. */
  recountDamagedDays(): Promise<DamagedDay[]> {
    return this.db.query(`SELECT ${DAY}, reports::int AS reports FROM recount_damaged_days() ORDER BY 1`);
  }

  /** The result that mendHorizon() would have; changes nothing. */
  async planHorizon(): Promise<RepairedHorizon> {
    const [row] = await this.db.query<[RepairedHorizon]>(
      'SELECT closed_before AS before, mended_horizon() AS now FROM history_state',
    );
    return row;
  }

  /** Moves back a horizon that is after today. @throws 55P03 when another transaction keeps location_reports locked. */
  mendHorizon(): Promise<RepairedHorizon> {
    return this.db.transaction(async (session) => {
      await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      const [row] = await session.query<[RepairedHorizon]>(
        'SELECT horizon_before AS before, horizon AS now FROM mend_horizon()',
      );
      return row;
    });
  }

  private read<T>(sql: string): Promise<T> {
    return this.transactions.run((session) => session.query(sql) as Promise<T>);
  }
}
