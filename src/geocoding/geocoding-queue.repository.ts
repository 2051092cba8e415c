import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Session } from '../database/session.js';
import { sqlFile } from '../database/sql-files.js';

const CLAIM_QUEUE = sqlFile('queries/geocoding/claim-queue');
const SPLIT_SPAN = sqlFile('queries/geocoding/split-span');
const COMPLETE_QUEUE = sqlFile('queries/geocoding/complete-queue');
const CARRY_CITIES = sqlFile('queries/geocoding/carry-cities');
const QUEUE_DAY = sqlFile('queries/geocoding/queue-day');

/** Rows of the queue that are taken at once at most. */
const MOST_SPANS = 5_000;
/** How long a statement waits for others, and may take. */
const LOCK_TIMEOUT = '5s';

/** Spans of trackers, each within one UTC day, as the functions of the database take them. */
export interface Spans {
  keys: string[];
  from: string[];
  to: string[];
}

/** Spans that were taken from the queue. */
export interface QueuedSpans extends Spans {
  ids: string[];
  reports: number;
}

interface QueuedSpan {
  id: string;
  key: string;
  from: Date;
  to: Date;
  reports: number;
}

export interface Backlog {
  /** There is something to do now. */
  isWaiting: boolean;
  /** Somebody is bringing reports. */
  isArriving: boolean;
}

/** A row of history as it is shown, for what geocoding needs of it. */
export interface ShownLocation {
  trackerId: string;
  latitude: number;
  longitude: number;
  nearestCity: string | null;
  /** Time of the report that it shows. */
  locatedAt: Date;
  firstReportAt: Date;
  lastReportAt: Date;
  reportCount: number;
}

/** What geocoding has done so far. */
export interface GeocodingTotals {
  reports: number;
  filled: number;
  cellsAsked: number;
}

@Injectable()
export class GeocodingQueueRepository {
  constructor(private readonly db: DataSource) {}

  /** Two look-ups in a table that is empty most of the time. */
  async backlog(): Promise<Backlog> {
    const [backlog] = await this.db.query<[Backlog]>(
      `SELECT EXISTS (SELECT FROM geocoding_queue WHERE not_before <= now()) AS "isWaiting",
         coalesce((SELECT queued_at > now() - interval '5 seconds' FROM geocoding_queue ORDER BY id DESC LIMIT 1), false)
           AS "isArriving"`,
    );
    return backlog;
  }

  /** One transaction. No day is closed while it lasts: its reports would be gone, and its row not told. */
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
        await session.rollbackTransaction().catch(() => undefined); // the session may be the thing that broke
        throw error;
      }
    } finally {
      await session.release();
    }
  }

  /** Takes the newest of the queue, about so many reports; null where nothing waits. */
  async claim(session: Session, reports: number): Promise<QueuedSpans | null> {
    const spans = (await session.query(CLAIM_QUEUE, [MOST_SPANS, reports])) as QueuedSpan[];
    if (spans.length === 0) return null;
    for (const span of spans) {
      if (span.reports > reports) await this.split(session, span, reports);
    }
    return {
      ids: spans.map(({ id }) => id),
      keys: spans.map(({ key }) => key),
      from: spans.map(({ from }) => from.toISOString()),
      to: spans.map(({ to }) => to.toISOString()),
      reports: spans.reduce((sum, span) => sum + span.reports, 0),
    };
  }

  /** Leaves the newest reports in a span of many; the rest is queued again. */
  private async split(session: Session, span: QueuedSpan, reports: number): Promise<void> {
    const [[newest]] = (await session.query(SPLIT_SPAN, [span.id, reports])) as [{ from: Date }[], number];
    if (newest) Object.assign(span, { from: newest.from, reports });
  }

  /** Gives what is without a city in these spans that of its cell, in every layer; returns how many got one. */
  async fill(session: Session, { keys, from, to }: Spans): Promise<number> {
    const [{ filled }] = (await session.query('SELECT fill_cities($1, $2, $3)::int AS filled', [
      keys,
      from,
      to,
    ])) as [{ filled: number }];
    return filled;
  }

  /** Ends spans. @param areFinal false where cells may still get a better answer: what waits for that comes again. */
  async complete(session: Session, { ids, keys, from, to }: QueuedSpans, areFinal: boolean): Promise<void> {
    if (areFinal) await session.query('DELETE FROM geocoding_queue WHERE id = ANY ($1)', [ids]);
    else await session.query(COMPLETE_QUEUE, [ids, keys, from, to]);
  }

  async addTotals(session: Session, { reports, filled, cellsAsked }: GeocodingTotals): Promise<void> {
    await session.query(
      'UPDATE geocoding_state SET reports = reports + $1, filled = filled + $2, cells_asked = cells_asked + $3',
      [reports, filled, cellsAsked],
    );
  }

  /** Gives rows, and the reports that they show, the city of their cell in place of what they have; returns how many changed. */
  async carryCities(session: Session, rows: readonly ShownLocation[]): Promise<number> {
    const [{ changed }] = (await session.query(CARRY_CITIES, [
      rows.map(({ trackerId }) => trackerId),
      rows.map(({ locatedAt }) => locatedAt.toISOString()),
      rows.map(({ latitude }) => latitude),
      rows.map(({ longitude }) => longitude),
      rows.map(({ nearestCity }) => nearestCity),
    ])) as [{ changed: number }];
    return changed;
  }

  /** Queues the reports of rows. */
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

  /** The next day to be searched for rows without a city: the newest first; null when the last has been. */
  async nextDayToSearch(): Promise<Date | null> {
    const [{ day }] = await this.db.query<[{ day: Date | null }]>(
      `SELECT nullif(greatest(day, history_floor() - interval '24 hours'), history_floor() - interval '24 hours') AS day
       FROM (SELECT coalesce(searched_from - interval '24 hours', midnight_before(0)) AS day FROM geocoding_state) AS next`,
    );
    return day;
  }

  /** Queues what a day shows without a city, and notes that it was searched; returns how many trackers it were. */
  async queueDay(day: Date, askedOf: string): Promise<number> {
    const [{ queued }] = await this.db.query<[{ queued: number }]>(QUEUE_DAY, [day.toISOString(), askedOf]);
    return queued;
  }

  /** Lets the next search begin with the newest day. */
  async beginSearchAnew(): Promise<void> {
    await this.db.query('UPDATE geocoding_state SET searched_from = NULL');
  }

  /** Reports that wait, since when the oldest does, and what has been done. */
  async status(): Promise<GeocodingTotals & { pending: number; oldestPendingAt: Date | null }> {
    const [status] = await this.db.query<
      [GeocodingTotals & { pending: number; oldestPendingAt: Date | null }]
    >(
      `SELECT coalesce(sum(q.reports), 0)::int AS pending, min(q.queued_at) AS "oldestPendingAt",
         s.reports::float8 AS reports, s.filled::float8 AS filled, s.cells_asked::float8 AS "cellsAsked"
       FROM geocoding_state AS s LEFT JOIN geocoding_queue AS q ON true GROUP BY s.only_row`,
    );
    return status;
  }
}
