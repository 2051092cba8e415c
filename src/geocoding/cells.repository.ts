import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Session } from '../database/session.js';
import { sqlFile } from '../database/sql-files.js';
import type { Spans } from './geocoding-queue.repository.js';
import type { City } from './reverse-geocoder.js';

const STORE_CELLS = sqlFile('queries/geocoding/store-cells');

/** A cell of 0.01 degrees, by the hundredths of its middle. */
export interface Cell {
  latitudeE2: number;
  longitudeE2: number;
}

export interface AnsweredCell extends Cell {
  city: City | null;
}

export interface Place {
  latitude: number;
  longitude: number;
}

/** An online provider that a stand-in answers for. */
export interface BetterProvider {
  name: string;
  dailyBudget: number;
}

/** Where answers come from. */
export interface AnswerOrigin {
  provider: string;
  /** Provider and data that are configured. */
  askedOf: string;
  /** Who may give better answers soon; these are provisional then. */
  better?: BetterProvider | undefined;
}

/** Has no answer that still holds: none, one by others than those who are asked now, or one that has expired. */
const IS_UNANSWERED = 'c.provider IS NULL OR c.asked_of IS DISTINCT FROM $1 OR c.expires_at <= now()';

@Injectable()
export class CellsRepository {
  constructor(private readonly db: DataSource) {}

  /** Cells of what is without a city in these spans, that somebody has to be asked for. */
  unansweredIn(session: Session, spans: Spans, askedOf: string): Promise<Cell[]> {
    return session.query(
      `SELECT w.latitude_e2 AS "latitudeE2", w.longitude_e2 AS "longitudeE2"
       FROM cells_without_city($2, $3, $4) AS w LEFT JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2)
       WHERE ${IS_UNANSWERED}`,
      [askedOf, spans.keys, spans.from, spans.to],
    ) as Promise<Cell[]>;
  }

  /** Cells of these places that somebody has to be asked for. */
  unansweredAt(session: Session, places: readonly Place[], askedOf: string): Promise<Cell[]> {
    return session.query(
      `SELECT w.latitude_e2 AS "latitudeE2", w.longitude_e2 AS "longitudeE2"
       FROM (SELECT DISTINCT cell_of(p.latitude) AS latitude_e2, cell_of(p.longitude) AS longitude_e2
             FROM unnest($2::float8[], $3::float8[]) AS p (latitude, longitude)) AS w
       LEFT JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2) WHERE ${IS_UNANSWERED}`,
      [askedOf, places.map(({ latitude }) => latitude), places.map(({ longitude }) => longitude)],
    ) as Promise<Cell[]>;
  }

  /**
   * Those of the cells that are still unanswered, when everybody else who was asking has stored the answers; nobody
   * else asks until this transaction ends.
   */
  async claim(session: Session, cells: readonly Cell[], askedOf: string): Promise<Cell[]> {
    await session.query(`SELECT pg_advisory_xact_lock(hashtextextended('geocoding cells', 0))`);
    return (await session.query(
      `SELECT DISTINCT w.latitude_e2 AS "latitudeE2", w.longitude_e2 AS "longitudeE2"
       FROM unnest($2::integer[], $3::integer[]) AS w (latitude_e2, longitude_e2)
       LEFT JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2) WHERE ${IS_UNANSWERED}`,
      [askedOf, cells.map(({ latitudeE2 }) => latitudeE2), cells.map(({ longitudeE2 }) => longitudeE2)],
    )) as Cell[];
  }

  async store(session: Session, cells: readonly AnsweredCell[], answer: AnswerOrigin): Promise<void> {
    await session.query(STORE_CELLS, storeParameters(cells, answer));
  }

  /** Stores the better answer to a cell. */
  async storeOnline(cell: AnsweredCell, provider: string, askedOf: string): Promise<void> {
    await this.db.query(STORE_CELLS, storeParameters([cell], { provider, askedOf }));
  }

  /** Gives up to get better answers: to one cell, or to all. */
  async settle(cell?: Cell): Promise<void> {
    await this.db.query(
      `UPDATE geocoding_cells SET provisional_until = NULL WHERE provisional_until IS NOT NULL
       AND ($1::integer IS NULL OR (latitude_e2, longitude_e2) = ($1, $2))`,
      [cell?.latitudeE2 ?? null, cell?.longitudeE2 ?? null],
    );
  }

  /** Countries of the cells that these places are in, in their order; null where that is not known. */
  async countriesOf(places: readonly Place[]): Promise<(string | null)[]> {
    const rows = await this.db.query<{ country: string | null }[]>(
      `SELECT c.country FROM unnest($1::float8[], $2::float8[]) WITH ORDINALITY AS p (latitude, longitude, place)
       LEFT JOIN geocoding_cells AS c
         ON c.latitude_e2 = cell_of(p.latitude) AND c.longitude_e2 = cell_of(p.longitude)
       ORDER BY p.place`,
      [places.map(({ latitude }) => latitude), places.map(({ longitude }) => longitude)],
    );
    return rows.map(({ country }) => country);
  }

  /** Cells that are known, and those of them that have no city, or may still get a better answer. */
  async count(): Promise<{ cells: number; withoutCity: number; provisional: number }> {
    const [counts] = await this.db.query<[{ cells: number; withoutCity: number; provisional: number }]>(
      `SELECT count(*)::int AS cells, count(*) FILTER (WHERE nearest_city IS NULL)::int AS "withoutCity",
         count(*) FILTER (WHERE provisional_until > now())::int AS provisional FROM geocoding_cells`,
    );
    return counts;
  }
}

function storeParameters(
  cells: readonly AnsweredCell[],
  { provider, askedOf, better }: AnswerOrigin,
): unknown[] {
  return [
    cells.map(({ latitudeE2 }) => latitudeE2),
    cells.map(({ longitudeE2 }) => longitudeE2),
    cells.map(({ city }) => city?.name ?? null),
    cells.map(({ city }) => city?.country ?? null),
    provider,
    askedOf,
    better?.name ?? null,
    better?.dailyBudget ?? null,
  ];
}
