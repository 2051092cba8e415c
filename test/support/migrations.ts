import { describe } from '@jest/globals';
import type { SpatialLayer } from '../../src/config/env.schema.js';
import { SPATIAL_LAYERS } from '../../src/config/env.schema.js';
import { type MigrationReport, migrate, undoMigrations } from '../../src/migration/migrator.js';
import { withClient } from './client.js';
import { serverOf } from './servers.js';
import type { TestDatabase } from './test-database.js';

/** Whether the server of the tests has PostGIS; where it has not, what needs it is reported as skipped. */
export const POSTGIS = serverOf('postgresql')?.postgis === true;

/** Runs the same tests on both spatial layers. */
export function describeOnEveryLayer(name: string, tests: (layer: SpatialLayer) => void): void {
  for (const layer of SPATIAL_LAYERS) {
    if (layer === 'builtin' || POSTGIS) describe(`${name} (${layer})`, () => tests(layer));
    else describe.skip(`${name} (${layer}) [skipped: the server has no PostGIS]`, () => tests(layer));
  }
}

export const migrateUp = (db: TestDatabase): Promise<MigrationReport> => migrate(db.config, db.url);
export const migrateDown = (db: TestDatabase): Promise<number> => undoMigrations(db.config, db.url);

/** Migrations change what a new connection finds; the ones that are open do not notice. */
export async function reconnect(db: TestDatabase): Promise<void> {
  await db.dataSource.destroy();
  await db.dataSource.initialize();
}

/** Runs statements on a connection of their own: migrations change what a new connection finds. */
export async function run(
  db: TestDatabase,
  sql: string,
  values?: unknown[],
): Promise<Record<string, unknown>[]> {
  return withClient(
    db.url,
    async (client) => (await client.query<Record<string, unknown>>(sql, values)).rows,
  );
}

/** What there is in the database that is of no extension: relations, functions and types, by name. */
export async function objectsOf(db: TestDatabase): Promise<string[]> {
  const rows = await run(
    db,
    `SELECT object FROM (
       SELECT 'pg_class'::regclass AS catalog, oid, relkind::text || ' ' || oid::regclass AS object, relnamespace AS schema FROM pg_class
         WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
       UNION ALL SELECT 'pg_proc'::regclass, oid, 'function ' || oid::regprocedure, pronamespace FROM pg_proc
       UNION ALL SELECT 'pg_type'::regclass, oid, 'type ' || oid::regtype, typnamespace FROM pg_type
         WHERE typtype IN ('d', 'e')
       UNION ALL SELECT 'pg_namespace'::regclass, oid, 'schema ' || nspname, oid FROM pg_namespace
     ) AS objects
     WHERE schema::regnamespace::text !~ '^(pg_|information_schema)' AND NOT EXISTS (
       SELECT FROM pg_depend AS d WHERE d.classid = catalog AND d.objid = objects.oid AND d.deptype = 'e')
     ORDER BY 1`,
  );
  return rows.map((row) => String(row['object']));
}
