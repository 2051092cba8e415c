import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { sqlFile } from '../database/sql-files.js';
import type { Cell } from './cells.repository.js';

const CLAIM_REQUEST = sqlFile('queries/geocoding/claim-request');

/** State of an online provider, shared by all instances. */
export interface ProviderState {
  lastAnswerAt: Date | null;
  /** Null if it is not paused. */
  pausedUntil: Date | null;
  requestsToday: number;
  lastError: string | null;
  lastErrorAt: Date | null;
}

@Injectable()
export class ProvidersRepository {
  constructor(private readonly db: DataSource) {}

  async register(name: string): Promise<void> {
    await this.db.query('INSERT INTO geocoding_providers (name) VALUES ($1) ON CONFLICT DO NOTHING', [name]);
  }

  /**
   * Claims the next request and returns its cell; null if no cell is waiting or the limits forbid a request now.
   *
   * @param claimMs how long no other process may send a request, unless the result is recorded earlier.
   */
  async claimRequest(name: string, dailyBudget: number, claimMs: number): Promise<Cell | null> {
    const [[cell]] = await this.db.query<[Cell[], number]>(CLAIM_REQUEST, [name, dailyBudget, claimMs]);
    return cell ?? null;
  }

  /** @param spacingMs time until the next request is allowed. */
  async recordAnswer(name: string, spacingMs: number): Promise<void> {
    await this.db.query(
      `UPDATE geocoding_providers SET last_answer_at = now(),
         next_request_at = clock_timestamp() + $2::float8 * interval '1 millisecond' WHERE name = $1`,
      [name, spacingMs],
    );
  }

  /** @param spacingMs as in {@link recordAnswer}. @param pauseMs how long no process may send requests. */
  async recordError(name: string, message: string, spacingMs: number, pauseMs = 0): Promise<void> {
    await this.db.query(
      `UPDATE geocoding_providers SET last_error = $2, last_error_at = now(),
         next_request_at = clock_timestamp() + $3::float8 * interval '1 millisecond',
         paused_until = greatest(paused_until, now() + $4::float8 * interval '1 millisecond') WHERE name = $1`,
      [name, message, spacingMs, pauseMs],
    );
  }

  async state(name: string): Promise<ProviderState | null> {
    const [state] = await this.db.query<ProviderState[]>(
      `SELECT last_answer_at AS "lastAnswerAt", last_error AS "lastError", last_error_at AS "lastErrorAt",
         CASE WHEN paused_until > now() THEN paused_until END AS "pausedUntil",
         CASE WHEN day = (now() AT TIME ZONE 'UTC')::date THEN requests ELSE 0 END AS "requestsToday"
       FROM geocoding_providers WHERE name = $1`,
      [name],
    );
    return state ?? null;
  }
}
