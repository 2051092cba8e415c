import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Session } from '../database/session.js';
import { sqlFile } from '../database/sql-files.js';

const CLAIM_QUEUE = sqlFile('queries/geocoding/claim-queue');
const SPLIT_SPAN = sqlFile('queries/geocoding/split-span');
const COMPLETE_QUEUE = sqlFile('queries/geocoding/complete-queue');
const UPDATE_CITIES = sqlFile('queries/geocoding/update-cities');
const QUEUE_DAY = sqlFile('queries/geocoding/queue-day');

/** Maximum number of queue rows per claim. */
const MAX_SPANS = 5_000;
/** How long a statement waits for a lock. */
const LOCK_TIMEOUT = '5s';

/** Time spans of trackers, each within one UTC day, as parallel arrays: the parameters of the SQL functions. */
export interface Spans {
  hashedAdvKeys: string[];
  from: string[];
  to: string[];
}

/** Spans claimed from the queue. */
export interface QueuedSpans extends Spans {
  ids: string[];
  reports: number;
}

interface QueuedSpan {
  id: string;
  hashedAdvKey: string;
  from: Date;
  to: Date;
  reports: number;
}

export interface Backlog {
  /** Whether any reports are waiting. */
  isWaiting: boolean;
  /** Whether reports arrived in the last few seconds. */
  isArriving: boolean;
}

/** The fields of a history row that geocoding needs. */
export interface ShownLocation {
  trackerId: string;
  latitude: number;
  longitude: number;
  nearestCity: string | null;
  /** Time of the report that the row shows. */
  locatedAt: Date;
  firstReportAt: Date;
  lastReportAt: Date;
  reportCount: number;
}

/** Totals of geocoding so far. */
export interface GeocodingTotals {
  reports: number;
  filled: number;
  cellsLookedUp: number;
}

@Injectable()
export class GeocodingQueueRepository {
  constructor(private readonly db: DataSource) {}

  /** Checks for waiting reports. Cheap: two look-ups in a table that is mostly empty. */
  async backlog(): Promise<Backlog> {
    const [backlog] = await this.db.query<[Backlog]>(
      `SELECT EXISTS (SELECT FROM geocoding_queue WHERE not_before <= now()) AS "isWaiting",
         coalesce((SELECT queued_at > now() - interval '5 seconds' FROM geocoding_queue ORDER BY id DESC LIMIT 1), false)
           AS "isArriving"`,
    );
    return backlog;
  }

  /** Runs work in a transaction that blocks the closing of days, which would remove the reports being geocoded. */
  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.db.createQueryRunner();
    try {
      await session.connect();
      await session.startTransaction();
      try {
        await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
        await session.query('LOCK TABLE location_reports IN ROW EXCLUSIVE MODE');
        const result = await work(session);
        await session.commitTransaction();
        return result;
      } catch (error) {
        await session.rollbackTransaction().catch(() => undefined); // the session itself may have failed
        throw error;
      }
    } finally {
      await session.release();
    }
  }

  /** Claims the newest spans of the queue, about `reports` reports in total; returns null if the queue is empty. */
  async claim(session: Session, reports: number): Promise<QueuedSpans | null> {
    const spans = (await session.query(CLAIM_QUEUE, [MAX_SPANS, reports])) as QueuedSpan[];
    if (spans.length === 0) return null;
    for (const span of spans) {
      if (span.reports > reports) await this.split(session, span, reports);
    }
    return {
      ids: spans.map(({ id }) => id),
      hashedAdvKeys: spans.map(({ hashedAdvKey }) => hashedAdvKey),
      from: spans.map(({ from }) => from.toISOString()),
      to: spans.map(({ to }) => to.toISOString()),
      reports: spans.reduce((sum, span) => sum + span.reports, 0),
    };
  }

  /** Cuts a large span down to its newest reports and queues the rest again. */
  private async split(session: Session, span: QueuedSpan, reports: number): Promise<void> {
    const [[newest]] = (await session.query(SPLIT_SPAN, [span.id, reports])) as [{ from: Date }[], number];
    if (newest) Object.assign(span, { from: newest.from, reports });
  }

  /** Copies the cities of cells to their reports without a city, in every layer; returns how many got one. */
  async fill(session: Session, { hashedAdvKeys, from, to }: Spans): Promise<number> {
    const [{ filled }] = (await session.query('SELECT fill_cities($1, $2, $3)::int AS filled', [
      hashedAdvKeys,
      from,
      to,
    ])) as [{ filled: number }];
    return filled;
  }

  /** Removes spans from the queue. @param areFinal false: keeps them while a cell has a provisional answer. */
  async complete(
    session: Session,
    { ids, hashedAdvKeys, from, to }: QueuedSpans,
    areFinal: boolean,
  ): Promise<void> {
    if (areFinal) await session.query('DELETE FROM geocoding_queue WHERE id = ANY ($1)', [ids]);
    else await session.query(COMPLETE_QUEUE, [ids, hashedAdvKeys, from, to]);
  }

  async addTotals(session: Session, { reports, filled, cellsLookedUp }: GeocodingTotals): Promise<void> {
    await session.query(
      'UPDATE geocoding_state SET reports = reports + $1, filled = filled + $2, cells_asked = cells_asked + $3',
      [reports, filled, cellsLookedUp],
    );
  }

  /** Sets the city of each row and of the report that it shows to the city of its cell; returns how many changed. */
  async updateCities(session: Session, rows: readonly ShownLocation[]): Promise<number> {
    const [{ changed }] = (await session.query(UPDATE_CITIES, [
      rows.map(({ trackerId }) => trackerId),
      rows.map(({ locatedAt }) => locatedAt.toISOString()),
      rows.map(({ latitude }) => latitude),
      rows.map(({ longitude }) => longitude),
      rows.map(({ nearestCity }) => nearestCity),
    ])) as [{ changed: number }];
    return changed;
  }

  /** Queues the reports of history rows. */
  async addLocations(rows: readonly ShownLocation[]): Promise<void> {
    await this.db.query(
      `INSERT INTO geocoding_queue (hashed_adv_key, from_time, to_time, reports)
       SELECT t.hashed_adv_key, r.from_time, r.to_time, r.reports
       FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::integer[]) AS r (id, from_time, to_time, reports)
       JOIN trackers AS t USING (id)`,
      [
        rows.map(({ trackerId }) => trackerId),
        rows.map(({ firstReportAt }) => firstReportAt.toISOString()),
        rows.map(({ lastReportAt }) => lastReportAt.toISOString()),
        rows.map(({ reportCount }) => reportCount),
      ],
    );
  }

  /** Returns the next day to search for rows without a city, newest first; null after the oldest. */
  async nextDayToSearch(): Promise<Date | null> {
    const [{ day }] = await this.db.query<[{ day: Date | null }]>(
      `SELECT nullif(greatest(day, history_floor() - interval '24 hours'), history_floor() - interval '24 hours') AS day
       FROM (SELECT coalesce(searched_from - interval '24 hours', midnight_before(0)) AS day FROM geocoding_state) AS next`,
    );
    return day;
  }

  /** Queues the rows of a day without a city, and records that the day was searched; returns the number of trackers. */
  async queueDay(day: Date, version: string): Promise<number> {
    const [{ queued }] = await this.db.query<[{ queued: number }]>(QUEUE_DAY, [day.toISOString(), version]);
    return queued;
  }

  /** Makes the next search start at the newest day. */
  async restartSearch(): Promise<void> {
    await this.db.query('UPDATE geocoding_state SET searched_from = NULL');
  }

  /** Number of waiting reports, time when the oldest was queued, and the totals. */
  async status(): Promise<GeocodingTotals & { pending: number; oldestPendingAt: Date | null }> {
    const [status] = await this.db.query<
      [GeocodingTotals & { pending: number; oldestPendingAt: Date | null }]
    >(
      `SELECT coalesce(sum(q.reports), 0)::int AS pending, min(q.queued_at) AS "oldestPendingAt",
         s.reports::float8 AS reports, s.filled::float8 AS filled, s.cells_asked::float8 AS "cellsLookedUp"
       FROM geocoding_state AS s LEFT JOIN geocoding_queue AS q ON true GROUP BY s.only_row`,
    );
    return status;
  }
}
