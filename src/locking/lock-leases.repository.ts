import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DIRECT_DATA_SOURCE } from '../database/database.module.js';
import { queryWithTimeout, type Session, withTimeout } from '../database/session.js';
import { sqlFile } from '../database/sql-files.js';
import { isStandby } from '../database/writable.js';

const TAKE_LEASE = sqlFile('queries/locking/take-lease');

/** One acquisition of a lock. */
export interface Lease {
  /** Name of the lock in the database. */
  name: string;
  /** Unique to this acquisition. */
  token: string;
  /** Host and process, for people. */
  holder: string;
  ttlMs: number;
}

/** A lock that is held. */
export interface LockHolder {
  name: string;
  /** Host and process. */
  holder: string;
  acquiredAt: Date;
  expiresAt: Date;
}

/** Advisory locks of the database, each with a lease: see sql/definitions/common/lock_leases.sql. */
@Injectable()
export class LockLeasesRepository {
  constructor(@Inject(DIRECT_DATA_SOURCE) private readonly db: DataSource) {}

  /** A session for one holder alone, which no pooler passes on to others; its release() returns it to the pool. */
  async openSession(): Promise<Session> {
    const session = this.db.createQueryRunner();
    try {
      await session.connect();
      return session;
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /** @returns the process id of the session, which now holds the lock; null if another session holds it. */
  async take(session: Session, { name, token, holder, ttlMs }: Lease): Promise<number | null> {
    const query = session.query(TAKE_LEASE, [name, token, holder, ttlMs]) as Promise<
      { backendPid: number }[]
    >;
    const [row] = await withTimeout(session, query);
    return row?.backendPid ?? null;
  }

  /** Extends a lease, on another session than the one that works. @returns whether it still exists. */
  async extend({ name, token, ttlMs }: Lease): Promise<boolean> {
    const [, extended] = await queryWithTimeout<[unknown, number]>(
      this.db,
      `UPDATE lock_leases SET expires_at = clock_timestamp() + make_interval(secs => $3::integer / 1000.0)
       WHERE name = $1 AND token = $2`,
      [name, token, ttlMs],
      ttlMs / 3, // then it is retried
    );
    return extended === 1;
  }

  /** Releases the lock and its lease. @returns whether the session held it. */
  async release(session: Session, { name, token }: Lease): Promise<boolean> {
    const query = session.query(
      `WITH ended AS (DELETE FROM lock_leases WHERE name = $1 AND token = $2)
       SELECT pg_advisory_unlock(hashtextextended($1, 0)) AS released`,
      [name, token],
    ) as Promise<[{ released: boolean }]>;
    const [{ released }] = await withTimeout(session, query);
    return released;
  }

  /**
   * Ends the session that holds the lock, if its lease has expired because its owner hangs.
   *
   * @returns whether a session was ended.
   */
  async endExpiredHolder(session: Session, name: string): Promise<boolean> {
    const query = session.query(
      `SELECT pg_terminate_backend(backend_pid, 5000) FROM lock_holders
       WHERE name = $1 AND expires_at < clock_timestamp()`,
      [name],
    ) as Promise<unknown[]>;
    return (await withTimeout(session, query)).length > 0;
  }

  /** Cancels the current statement of a session. */
  async cancel(backendPid: number): Promise<void> {
    await queryWithTimeout(this.db, 'SELECT pg_cancel_backend($1)', [backendPid]);
  }

  /** Whether the acquisition with this token holds the lock now. Uses another session than the one that works. */
  async isHeldBy(name: string, token: string): Promise<boolean> {
    const held = await queryWithTimeout<unknown[]>(
      this.db,
      'SELECT FROM lock_holders WHERE name = $1 AND token::text = $2',
      [name, token],
    );
    return held.length > 0;
  }

  /**
   * Current holders; empty on a standby, because leases are in an unlogged table, and locks in the memory of the
   * primary.
   */
  async holders(): Promise<LockHolder[]> {
    if (await isStandby(this.db)) return [];
    return this.db.query(
      'SELECT name, holder, acquired_at AS "acquiredAt", expires_at AS "expiresAt" FROM lock_holders ORDER BY name',
    );
  }
}
