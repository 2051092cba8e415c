import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ImportKind } from './import-runs.repository.js';
import type { LedgerCounts } from './import-summary.js';

/** A run in the ledger. */
export interface LedgerRun {
  id: string;
  kind: ImportKind;
  name: string;
  format: string | null;
  tracker: string | null;
  outcome: string;
  errorCode: string | null;
  error: string | null;
  startedAt: Date;
  finishedAt: Date | null;
  resumed: number;
  lastPosition: number | null;
  counts: LedgerCounts;
}

/** Counts of one tracker in a run. */
export interface LedgerTracker {
  runId: string;
  hashedAdvKey: string;
  trackerId: string | null;
  trackerName: string | null;
  stored: number;
  late: number;
  duplicate: number;
  rejected: number;
}

/** Selects runs; a missing field matches all. */
export interface LedgerFilter {
  kind?: string | undefined;
  outcome?: string | undefined;
}

// A running import whose process has ended is shown as interrupted, even before housekeeping marks it.
const RUN = `
  SELECT id, kind, name, format, tracker, error_code AS "errorCode", error, started_at AS "startedAt",
    finished_at AS "finishedAt", resumed, last_position::float8 AS "lastPosition", import_ledger(id) AS counts,
    CASE WHEN outcome = 'running' AND NOT import_owner_is_alive(owner) THEN 'interrupted' ELSE outcome END AS outcome
  FROM import_runs`;

const TRACKERS = `
  SELECT c.run_id AS "runId", c.hashed_adv_key AS "hashedAdvKey", t.id AS "trackerId", t.name AS "trackerName",
    c.stored::int, c.late::int, c.duplicate::int, c.rejected::int
  FROM unnest($1::bigint[]) AS wanted (id)
  CROSS JOIN LATERAL (
    SELECT * FROM import_run_trackers WHERE run_id = wanted.id
    ORDER BY stored + late + duplicate + rejected DESC, hashed_adv_key LIMIT $2
  ) AS c LEFT JOIN trackers AS t USING (hashed_adv_key)`;

/** Reads the ledger of imports, and deletes old runs. */
@Injectable()
export class ImportLedgerRepository {
  constructor(private readonly db: DataSource) {}

  /** Returns runs, newest first, starting after the run with id `before`. */
  find({ kind, outcome }: LedgerFilter, before: string | undefined, limit: number): Promise<LedgerRun[]> {
    return this.db.query(
      `SELECT * FROM (${RUN} WHERE ($1::text IS NULL OR kind = $1) AND ($3::bigint IS NULL OR id < $3)) AS r
       WHERE $2::text IS NULL OR outcome = $2 ORDER BY id DESC LIMIT $4`,
      [kind, outcome, before, limit],
    );
  }

  async get(id: string): Promise<LedgerRun | null> {
    const [run] = await this.db.query<LedgerRun[]>(`${RUN} WHERE id = $1`, [id]);
    return run ?? null;
  }

  /** Returns the trackers with the most reports of each run, in one statement. */
  trackersOf(runIds: readonly string[], limit: number): Promise<LedgerTracker[]> {
    return this.db.query(TRACKERS, [runIds, limit]);
  }

  /** Marks runs whose process has ended as interrupted. */
  async closeOrphaned(): Promise<void> {
    await this.db.query('SELECT close_orphaned_import_runs()');
  }

  /** Deletes at most `limit` runs that ended more than `days` days ago. @returns the number deleted. */
  async deleteOld(days: number, limit: number): Promise<number> {
    const [, deleted] = await this.db.query<[unknown, number]>(
      `DELETE FROM import_runs WHERE id IN (
         SELECT id FROM import_runs WHERE finished_at < agreed_now() - make_interval(hours => 24 * $1) AND outcome <> 'running'
         ORDER BY finished_at LIMIT $2)`,
      [days, limit],
    );
    return deleted;
  }
}
