import type { SqlRunner } from '../server-capabilities.js';

/**
 * Empties a hypertable or continuous aggregate that is dropped next: where TimescaleDB (2.28.3) drops one with its chunks,
 * it leaves the tables behind that hold the compressed ones. Nothing happens where there is neither of this name.
 */
export async function dropChunks(session: SqlRunner, name: string): Promise<void> {
  await session.query(`
    DO $$ BEGIN
      IF (SELECT relkind FROM pg_class WHERE oid = to_regclass('${name}')) IN ('r', 'v') THEN
        PERFORM drop_chunks('${name}', older_than => timestamptz 'infinity');
      END IF;
    END $$`);
}
