import { expect } from '@jest/globals';
import { run } from './migrations.js';
import type { TestDatabase } from './test-database.js';

/** Columns and rows of relations, by their names. */
export type Snapshot = ReadonlyMap<string, { columns: string; rows: readonly string[] }>;

/** What an upgrade may change, and why. */
const MAY_CHANGE = [
  'schema_migrations', // it has run
  'schema_steps',
  'schema_version',
  'refresh_state', // what is left to be refreshed, and was
  'refresh_markers',
  'layer_refreshes',
  'history_layers',
  'lock_leases', // of those at work
  'lock_holders',
];
/** On timescaledb days move from one to the other; location_history_days shows both. */
const LAYERS = ['location_history_daily', 'location_history_daily_late'];

/** Hours before the cut and days after it are shown nowhere. */
const NOT_SHOWN: Record<string, string> = {
  location_history_hourly: 'WHERE bucket >= history_cut()',
  location_history_days: 'WHERE bucket < history_cut()',
};

/** All rows of tables, views and materialized views, as far as an upgrade has to leave them as they are. */
export async function takeSnapshot(db: TestDatabase): Promise<Snapshot> {
  const relations = await run(
    db,
    `SELECT c.relname AS name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
     FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
       AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
       AND c.relname <> ALL ($1)
     GROUP BY c.relname ORDER BY c.relname`,
    [[...MAY_CHANGE, ...LAYERS]],
  );
  const snapshot = new Map<string, { columns: string; rows: readonly string[] }>();
  for (const { name, columns } of relations) {
    const relation = String(name);
    snapshot.set(relation, { columns: String(columns), rows: await read(db, relation, String(columns)) });
  }
  return snapshot;
}

/** Checks that the same relations have the same rows, in the columns that they had. */
export async function expectUnchanged(db: TestDatabase, snapshot: Snapshot): Promise<void> {
  expect(snapshot.size).toBeGreaterThan(20);
  for (const [relation, { columns, rows }] of snapshot) {
    expect({ relation, rows: await read(db, relation, columns) }).toEqual({ relation, rows });
  }
}

async function read(db: TestDatabase, relation: string, columns: string): Promise<string[]> {
  const where = NOT_SHOWN[relation] ?? '';
  const rows = await run(db, `SELECT ROW (${columns})::text AS row FROM ${relation} ${where} ORDER BY 1`);
  return rows.map(({ row }) => String(row));
}
