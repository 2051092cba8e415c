import { setTimeout as sleep } from 'node:timers/promises';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import type { TestDatabase } from './test-database.js';

/** Repeats `work` until it does not throw. @throws the last error once `ms` milliseconds have passed. */
export async function eventually<T>(work: () => T | Promise<T>, ms = 15_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(50);
    }
  }
}

/**
 * Checks history after a commit: at once on the postgresql engine, which updates it in the same transaction, and
 * repeatedly on timescaledb, where the refresher updates it.
 */
export function whenVisible<T>(engine: HistoryEngine, work: () => Promise<T>): Promise<T> {
  return engine === 'postgresql' ? work() : eventually(work);
}

/** Waits until a session whose statement matches the LIKE pattern waits for a lock. @returns its process id. */
export async function sessionWaitingForLock(db: TestDatabase, pattern: string): Promise<number> {
  for (const end = Date.now() + 10_000; Date.now() < end;) {
    const [row] = await db.dataSource.query<{ pid: number }[]>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE $1
       AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()`,
      [pattern],
    );
    if (row) return row.pid;
    await sleep(20);
  }
  throw new Error(`no session waits for a lock in "${pattern}"`);
}

const ROW_ID = `tracker_id || ':' || bucket_size || ':' || extract(epoch FROM bucket)::bigint`;

/** Makes a refresh of `location_history` take this long for each row; 0 restores the normal speed. */
export async function slowDownView(db: TestDatabase, secondsPerRow: number): Promise<void> {
  await db.query(
    secondsPerRow === 0
      ? `CREATE OR REPLACE FUNCTION history_row_id(tracker_id bigint, bucket_size text, bucket timestamptz) RETURNS text
         LANGUAGE sql STABLE PARALLEL SAFE RETURN ${ROW_ID}`
      : `CREATE OR REPLACE FUNCTION history_row_id(tracker_id bigint, bucket_size text, bucket timestamptz) RETURNS text
         LANGUAGE plpgsql STABLE AS 'BEGIN PERFORM pg_sleep(${secondsPerRow}); RETURN ${ROW_ID.replaceAll("'", "''")}; END'`,
  );
}

/** Waits until a refresh of the view is running. */
export function viewRefreshRunning(db: TestDatabase): Promise<void> {
  return eventually(async () => {
    const running = await db.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
         AND query LIKE 'REFRESH MATERIALIZED VIEW%'`,
    );
    if (running.length === 0) throw new Error('no refresh of the view is running');
  });
}
