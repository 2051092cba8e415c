import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { SqlRunner } from '../database/server-capabilities.js';
import { sqlFile } from '../database/sql-files.js';

const LEASE_NEXT = sqlFile('queries/find-my/lease-next');
const WANT_ALL = sqlFile('queries/find-my/want-all');
const END_ATTEMPT = sqlFile('queries/find-my/end-attempt');

/** The exclusive right to fetch a tracker, until it expires. */
export interface Lease {
  /** Id of this attempt. */
  lease: string;
  trackerId: string;
  /** Name of the tracker. */
  tracker: string;
  /** The tracker's first key, under which all its reports are stored. */
  hashedAdvKey: string;
  /** The import run queued for it; null when it shares a run with other trackers. */
  runId: string | null;
}

/** The trackers to fetch, and their leases: sql/definitions/common/tracker_fetches.sql. */
@Injectable()
export class FetchesRepository {
  constructor(private readonly db: DataSource) {}

  /** Marks all trackers with private keys as wanted; joins a round (a fetch of all) that is in progress. */
  async wantAll(): Promise<void> {
    await this.db.query(WANT_ALL);
  }

  /** Marks these trackers as wanted. */
  async want(trackerIds: readonly string[]): Promise<void> {
    await this.db.query(
      `INSERT INTO tracker_fetches AS f (tracker_id, wanted_at) SELECT unnest($1::bigint[]), now()
       ON CONFLICT (tracker_id) DO UPDATE SET wanted_at = coalesce(f.wanted_at, excluded.wanted_at)`,
      [trackerIds],
    );
  }

  /**
   * Marks a tracker as wanted by an import run of its own, unless one is queued already.
   *
   * @param queue creates the run, in the same transaction.
   * @returns the id of the run.
   */
  async wantForRun(trackerId: string, queue: (session: SqlRunner) => Promise<string>): Promise<string> {
    return this.db.transaction(async (session: EntityManager) => {
      const [row] = await session.query<[{ runId: string | null }]>(
        `INSERT INTO tracker_fetches (tracker_id) VALUES ($1)
         ON CONFLICT (tracker_id) DO UPDATE SET tracker_id = excluded.tracker_id RETURNING run_id AS "runId"`,
        [trackerId],
      );
      if (row.runId !== null) return row.runId;
      const runId = await queue(session);
      await session.query(
        'UPDATE tracker_fetches SET run_id = $2, wanted_at = coalesce(wanted_at, now()) WHERE tracker_id = $1',
        [trackerId, runId],
      );
      return runId;
    });
  }

  /** Counts the wanted trackers, including leased ones. @param trackerIds null: the trackers of the round. */
  async countWanted(trackerIds: readonly string[] | null): Promise<number> {
    const [{ wanted }] = await this.db.query<[{ wanted: number }]>(
      `SELECT count(*)::int AS wanted FROM tracker_fetches
       WHERE CASE WHEN $1::bigint[] IS NULL THEN in_round ELSE wanted_at IS NOT NULL AND tracker_id = ANY ($1) END`,
      [trackerIds],
    );
    return wanted;
  }

  /**
   * Leases the next wanted tracker.
   *
   * @param trackerIds null: any.
   * @returns null when none is wanted, or all are leased.
   */
  async leaseNext(lease: string, ms: number, trackerIds: readonly string[] | null): Promise<Lease | null> {
    const [[row]] = await this.db.query<[[Omit<Lease, 'lease'>?]]>(LEASE_NEXT, [lease, ms, trackerIds]);
    return row ? { lease, ...row } : null;
  }

  /** Extends a lease. @returns false when it had expired and another process has leased the tracker. */
  async extend({ trackerId, lease }: Lease, ms: number): Promise<boolean> {
    const [, extended] = await this.db.query<[unknown, number]>(
      `UPDATE tracker_fetches SET leased_until = clock_timestamp() + make_interval(secs => $3::integer / 1000.0)
       WHERE tracker_id = $1 AND lease = $2`,
      [trackerId, lease, ms],
    );
    return extended === 1;
  }

  /** Records an answer, in the transaction that stores its reports. */
  async completeAnswered({ trackerId, lease, runId }: Lease, session: SqlRunner): Promise<void> {
    await session.query(END_ATTEMPT, [trackerId, lease, runId, null]);
  }

  /** Records that there was no answer. */
  async completeUnanswered({ trackerId, lease, runId }: Lease, reason: string): Promise<void> {
    await this.db.query(END_ATTEMPT, [trackerId, lease, runId, reason]);
  }

  /** Releases a lease, so that another process may lease the tracker at once. */
  async releaseLease({ trackerId, lease }: Lease): Promise<void> {
    await this.db.query(
      'UPDATE tracker_fetches SET lease = NULL, leased_until = NULL WHERE tracker_id = $1 AND lease = $2',
      [trackerId, lease],
    );
  }

  /** Cancels the fetch of these trackers (null: the round). Leased trackers and requested ones stay wanted. */
  async cancelWanted(trackerIds: readonly string[] | null): Promise<void> {
    await this.db.query(
      `UPDATE tracker_fetches SET in_round = false, wanted_at = CASE WHEN run_id IS NOT NULL THEN wanted_at END
       WHERE CASE WHEN $1::bigint[] IS NULL THEN in_round ELSE wanted_at IS NOT NULL AND tracker_id = ANY ($1) END
         AND coalesce(leased_until <= clock_timestamp(), true)`,
      [trackerIds],
    );
  }

  /** Reserves the next call among all processes. @returns how long to wait for it, in milliseconds. */
  async reserveCall(intervalMs: number): Promise<number> {
    const [[{ wait }]] = await this.db.query<[[{ wait: number }]]>(
      `UPDATE find_my_pace SET next_call_at = greatest(next_call_at, clock_timestamp()) + make_interval(secs => $1::integer / 1000.0)
       RETURNING 1000 * extract(epoch FROM next_call_at - clock_timestamp())::float8 - $1 AS wait`,
      [intervalMs],
    );
    return Math.max(0, wait);
  }
}
