import type { PoolClient, QueryResultRow } from 'pg';
import type { TestDatabase } from './test-database.js';

/** One connection, for what the helpers do with a whole database. */
export function session(client: PoolClient): Pick<TestDatabase, 'query'> {
  return {
    query: async <T extends QueryResultRow>(sql: string, values?: unknown[]) =>
      (await client.query<T>(sql, values)).rows,
  };
}

/** Waits until a session of this database whose statement is like `pattern` waits for a lock; returns its process id. */
export async function waitingFor(db: TestDatabase, pattern: string): Promise<number> {
  for (const end = Date.now() + 10_000; Date.now() < end;) {
    const [row] = await db.dataSource.query<{ pid: number }[]>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE $1
       AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()`,
      [pattern],
    );
    if (row) return row.pid;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no session waits in "${pattern}"`);
}
