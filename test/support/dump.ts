import type { TestDatabase } from './test-database.js';

/** Every row of every table, as text: what a backup would hold. */
export async function dump(db: TestDatabase): Promise<string> {
  const tables = await db.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^(_timescaledb|pg_temp_)'`,
  );
  const texts = await Promise.all(
    tables.map(({ name }) => db.value<string | null>(`SELECT string_agg(t::text, E'\\n') FROM ${name} AS t`)),
  );
  return texts.join('\n');
}
