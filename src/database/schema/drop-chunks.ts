import type { SqlRunner } from '../server-capabilities.js';

/**
 * Empties a hypertable or continuous aggregate before it is dropped: TimescaleDB (2.28.3) would leave behind the tables
 * of its compressed chunks. Does nothing if there is none of this name.
 */
export async function dropChunks(session: SqlRunner, name: string): Promise<void> {
  await session.query(`
    DO $$ BEGIN
      IF (SELECT relkind FROM pg_class WHERE oid = to_regclass('${name}')) IN ('r', 'v') THEN
        PERFORM drop_chunks('${name}', older_than => timestamptz 'infinity');
      END IF;
    END $$`);
}
