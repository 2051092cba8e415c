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

export interface Position {
  latitude: number;
  longitude: number;
}

/** An online provider, whose answers replace the provisional ones of the offline provider. */
export interface PreferredProvider {
  name: string;
  dailyBudget: number;
}

/** The provider of a set of answers. */
export interface AnswerSource {
  provider: string;
  /** As in GeocodingSetup. */
  version: string;
  /** The provider whose answers will replace these; undefined: they are final. */
  preferred?: PreferredProvider | undefined;
}

/** The cell has no answer, one of another provider or data version, or an expired one. */
const IS_UNANSWERED = 'c.provider IS NULL OR c.asked_of IS DISTINCT FROM $1 OR c.expires_at <= now()';

@Injectable()
export class CellsRepository {
  constructor(private readonly db: DataSource) {}

  /** Finds the unanswered cells of reports without a city in these spans. */
  findUnansweredInSpans(session: Session, spans: Spans, version: string): Promise<Cell[]> {
    return session.query(
      `SELECT w.latitude_e2 AS "latitudeE2", w.longitude_e2 AS "longitudeE2"
       FROM cells_without_city($2, $3, $4) AS w LEFT JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2)
       WHERE ${IS_UNANSWERED}`,
      [version, spans.hashedAdvKeys, spans.from, spans.to],
    ) as Promise<Cell[]>;
  }

  /** Finds the unanswered cells of these positions. */
  findUnansweredAtPositions(
    session: Session,
    positions: readonly Position[],
    version: string,
  ): Promise<Cell[]> {
    return session.query(
      `SELECT w.latitude_e2 AS "latitudeE2", w.longitude_e2 AS "longitudeE2"
       FROM (SELECT DISTINCT cell_of(p.latitude) AS latitude_e2, cell_of(p.longitude) AS longitude_e2
             FROM unnest($2::float8[], $3::float8[]) AS p (latitude, longitude)) AS w
       LEFT JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2) WHERE ${IS_UNANSWERED}`,
      [version, positions.map(({ latitude }) => latitude), positions.map(({ longitude }) => longitude)],
    ) as Promise<Cell[]>;
  }

  /**
   * Locks the look-up of cells until the transaction ends, so that only one process looks up a cell, and returns the
   * cells that are still unanswered.
   */
  async claim(session: Session, cells: readonly Cell[], version: string): Promise<Cell[]> {
    await session.query(`SELECT pg_advisory_xact_lock(hashtextextended('geocoding cells', 0))`);
    return (await session.query(
      `SELECT DISTINCT w.latitude_e2 AS "latitudeE2", w.longitude_e2 AS "longitudeE2"
       FROM unnest($2::integer[], $3::integer[]) AS w (latitude_e2, longitude_e2)
       LEFT JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2) WHERE ${IS_UNANSWERED}`,
      [version, cells.map(({ latitudeE2 }) => latitudeE2), cells.map(({ longitudeE2 }) => longitudeE2)],
    )) as Cell[];
  }

  async store(session: Session, cells: readonly AnsweredCell[], answer: AnswerSource): Promise<void> {
    await session.query(STORE_CELLS, storeParameters(cells, answer));
  }

  /** Stores the answer of the online provider. */
  async storeOnline(cell: AnsweredCell, provider: string, version: string): Promise<void> {
    await this.db.query(STORE_CELLS, storeParameters([cell], { provider, version }));
  }

  /** Makes provisional answers final: of one cell, or of all cells. */
  async finalize(cell?: Cell): Promise<void> {
    await this.db.query(
      `UPDATE geocoding_cells SET provisional_until = NULL WHERE provisional_until IS NOT NULL
       AND ($1::integer IS NULL OR (latitude_e2, longitude_e2) = ($1, $2))`,
      [cell?.latitudeE2 ?? null, cell?.longitudeE2 ?? null],
    );
  }

  /** Countries of the cells of these positions, in their order; null where unknown. */
  async countriesOf(positions: readonly Position[]): Promise<(string | null)[]> {
    const rows = await this.db.query<{ country: string | null }[]>(
      `SELECT c.country FROM unnest($1::float8[], $2::float8[]) WITH ORDINALITY AS p (latitude, longitude, i)
       LEFT JOIN geocoding_cells AS c
         ON c.latitude_e2 = cell_of(p.latitude) AND c.longitude_e2 = cell_of(p.longitude)
       ORDER BY p.i`,
      [positions.map(({ latitude }) => latitude), positions.map(({ longitude }) => longitude)],
    );
    return rows.map(({ country }) => country);
  }

  /** Number of all cells, of cells without a city, and of cells with a provisional answer. */
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
  { provider, version, preferred }: AnswerSource,
): unknown[] {
  return [
    cells.map(({ latitudeE2 }) => latitudeE2),
    cells.map(({ longitudeE2 }) => longitudeE2),
    cells.map(({ city }) => city?.name ?? null),
    cells.map(({ city }) => city?.country ?? null),
    provider,
    version,
    preferred?.name ?? null,
    preferred?.dailyBudget ?? null,
  ];
}
