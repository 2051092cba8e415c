import type { TestDatabase } from './test-database.js';
import { eventually } from './shown.js';

const ROW_ID = `tracker_id || ':' || bucket_size || ':' || extract(epoch FROM bucket)::bigint`;

/** Makes a refresh of `location_history` take so long for each row; 0 for as fast as it is. */
export async function slowDownView(db: TestDatabase, secondsARow: number): Promise<void> {
  await db.query(
    secondsARow === 0
      ? `CREATE OR REPLACE FUNCTION history_row_id(tracker_id bigint, bucket_size text, bucket timestamptz) RETURNS text
         LANGUAGE sql STABLE PARALLEL SAFE RETURN ${ROW_ID}`
      : `CREATE OR REPLACE FUNCTION history_row_id(tracker_id bigint, bucket_size text, bucket timestamptz) RETURNS text
         LANGUAGE plpgsql STABLE AS 'BEGIN PERFORM pg_sleep(${secondsARow}); RETURN ${ROW_ID.replaceAll("'", "''")}; END'`,
  );
}

/** Waits until a refresh of the view runs. */
export function viewIsRefreshed(db: TestDatabase): Promise<void> {
  return eventually(async () => {
    const running = await db.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
         AND query LIKE 'REFRESH MATERIALIZED VIEW%'`,
    );
    if (running.length === 0) throw new Error('no refresh of the view runs');
  });
}
