import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Session } from '../database/session.js';
import { sqlFile } from '../database/sql-files.js';
import type { Spans } from './geocoding-queue.repository.js';
import type { City } from './reverse-geocoder.js';

const STORE_CELLS = sqlFile('queries/geocoding/store-cells');

/** A cell of 0.01 by 0.01 degrees, by its centre in hundredths of a degree. */
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

/** The online provider that the offline one answers for until it has answered itself. */
export interface PreferredProvider {
  name: string;
  dailyBudget: number;
}

/** Where answers come from. */
export interface AnswerSource {
  provider: string;
  /** The configured provider and its data; a cell with another value is looked up again. */
  askedOf: string;
  /** Set if the answers are provisional until this provider answers. */
  preferred?: PreferredProvider | undefined;
}

/** The cell has no valid answer: none at all, one of another provider or data version, or an expired one. */
const IS_UNANSWERED = 'c.provider IS NULL OR c.asked_of IS DISTINCT FROM $1 OR c.expires_at <= now()';

@Injectable()
export class CellsRepository {
  constructor(private readonly db: DataSource) {}

  /** Unanswered cells of the reports without a city in these spans. */
  findUnansweredInSpans(session: Session, spans: Spans, askedOf: string): Promise<Cell[]> {
    return session.query(
      `SELECT w.latitude_e2 AS "latitudeE2", w.longitude_e2 AS "longitudeE2"
       FROM cells_without_city($2, $3, $4) AS w LEFT JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2)
       WHERE ${IS_UNANSWERED}`,
      [askedOf, spans.hashedAdvKeys, spans.from, spans.to],
    ) as Promise<Cell[]>;
  }

  /** Unanswered cells of these places. */
  findUnansweredAtPlaces(session: Session, places: readonly Place[], askedOf: string): Promise<Cell[]> {
    return session.query(
      `SELECT w.latitude_e2 AS "latitudeE2", w.longitude_e2 AS "longitudeE2"
       FROM (SELECT DISTINCT cell_of(p.latitude) AS latitude_e2, cell_of(p.longitude) AS longitude_e2
             FROM unnest($2::float8[], $3::float8[]) AS p (latitude, longitude)) AS w
       LEFT JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2) WHERE ${IS_UNANSWERED}`,
      [askedOf, places.map(({ latitude }) => latitude), places.map(({ longitude }) => longitude)],
    ) as Promise<Cell[]>;
  }

  /**
   * Waits until no other process looks up cells, then returns those that are still unanswered. No other process looks
   * up cells until this transaction ends.
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

  async store(session: Session, cells: readonly AnsweredCell[], answer: AnswerSource): Promise<void> {
    await session.query(STORE_CELLS, storeParameters(cells, answer));
  }

  /** Stores the answer of the online provider. */
  async storeOnline(cell: AnsweredCell, provider: string, askedOf: string): Promise<void> {
    await this.db.query(STORE_CELLS, storeParameters([cell], { provider, askedOf }));
  }

  /** Makes provisional answers final: of one cell, or of all. */
  async settle(cell?: Cell): Promise<void> {
    await this.db.query(
      `UPDATE geocoding_cells SET provisional_until = NULL WHERE provisional_until IS NOT NULL
       AND ($1::integer IS NULL OR (latitude_e2, longitude_e2) = ($1, $2))`,
      [cell?.latitudeE2 ?? null, cell?.longitudeE2 ?? null],
    );
  }

  /** Countries of the cells of these places, in their order; null where unknown. */
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

  /** Number of known cells, of those without a city, and of those with a provisional answer. */
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
  { provider, askedOf, preferred }: AnswerSource,
): unknown[] {
  return [
    cells.map(({ latitudeE2 }) => latitudeE2),
    cells.map(({ longitudeE2 }) => longitudeE2),
    cells.map(({ city }) => city?.name ?? null),
    cells.map(({ city }) => city?.country ?? null),
    provider,
    askedOf,
    preferred?.name ?? null,
    preferred?.dailyBudget ?? null,
  ];
}
