import type { Foundation, SqlRunner } from '../database/server-capabilities.js';
import { sqlFile } from '../database/sql-files.js';
import { definedObjects, definitionFiles, dropDefinitions } from '../database/schema/definitions.js';
import { dropChunks } from '../database/schema/drop-chunks.js';
import type { Step } from '../database/schema/step.js';

/** Continuous aggregates, under current and former names. */
const CONTINUOUS_AGGREGATE = /^CREATE MATERIALIZED VIEW (location_history_\w+)/gm;
const TABLE = /^CREATE (?:UNLOGGED )?TABLE (\w+)/gm;

/** Objects that the steps have created in a database, read from their files. Nothing else is ever dropped. */
export interface OwnedObjects {
  tables: readonly string[];
  aggregates: readonly string[];
  /** Whether the steps created or adopted the table `trackers`. */
  trackers: boolean;
  /** Whether tables of earlier systems were renamed. */
  backups: boolean;
  /** Files that define functions and views. */
  definitions: readonly string[];
}

/** @param steps that have run. @param isDefined whether the definitions were applied after them. */
export function ownedObjects(
  foundation: Foundation,
  steps: readonly Step[],
  isDefined: boolean,
): OwnedObjects {
  const files = steps.flatMap((step) =>
    step.files(foundation).map((file) => `migrations/${step.folder}/${file}`),
  );
  const named = (pattern: RegExp): string[] => [
    ...new Set(files.flatMap((file) => [...sqlFile(file).matchAll(pattern)]).map(([, name = '']) => name)),
  ];
  const tables = named(TABLE);
  return {
    tables: tables.filter((name) => name !== 'trackers'),
    aggregates: foundation.engine === 'timescaledb' ? named(CONTINUOUS_AGGREGATE) : [],
    trackers: tables.includes('trackers'),
    backups: files.some((file) => file.endsWith('/back_up_location_history')),
    definitions: [...new Set([...files, ...(isDefined ? definitionFiles(foundation) : [])])],
  };
}

/**
 * Drops everything that the product created; call it in a transaction. An adopted table `trackers` is restored to its
 * earlier state, and backed-up tables get their names back. Without CASCADE: PostgreSQL fails and names the objects if
 * any that the product did not create depend on it.
 */
export async function dropEverything(session: SqlRunner, owned: OwnedObjects): Promise<void> {
  await session.query('DROP MATERIALIZED VIEW IF EXISTS location_history_next');
  await dropDefinitions(session, owned.definitions);
  for (const name of owned.aggregates) {
    await dropChunks(session, name);
    await session.query(`DROP MATERIALIZED VIEW IF EXISTS ${name}`);
  }
  if (owned.trackers) await restoreTrackers(session, owned);
  if (owned.tables.includes('location_reports')) await dropChunks(session, 'location_reports');
  await session.query(`DROP TABLE IF EXISTS ${owned.tables.join(', ')}`);
  await dropDefinitions(session, owned.definitions); // the functions that a table depended on
  if (owned.backups) {
    await session.query(`
      ALTER TABLE IF EXISTS location_history_backup RENAME TO location_history;
      ALTER TABLE IF EXISTS location_reports_backup RENAME TO location_reports`);
  }
  await session.query(`
    DROP DOMAIN IF EXISTS geo_point;
    DROP DOMAIN IF EXISTS tracker_compat.geometry;
    DROP SCHEMA IF EXISTS tracker_compat;
    DROP TABLE schema_migrations;
    DO $$
    DECLARE
      others text := replace(current_setting('search_path'), ', tracker_compat', '');
    BEGIN
      EXECUTE format('ALTER DATABASE %I ', current_database())
        || CASE WHEN others = (SELECT boot_val FROM pg_settings WHERE name = 'search_path') THEN 'RESET search_path'
          ELSE 'SET search_path = ' || others END;
    END $$`);
}

/** Drops `trackers`, or removes what was added to an adopted one. */
async function restoreTrackers(session: SqlRunner, { tables, definitions }: OwnedObjects): Promise<void> {
  const functions = definedObjects(definitions).map(({ name }) => name);
  // Tables that reference its columns are dropped before the columns are changed back.
  const referring = tables.filter((name) => name.startsWith('tracker_'));
  if (referring.length > 0) await session.query(`DROP TABLE IF EXISTS ${referring.join(', ')}`);
  await session.query(`
    DO $$
    DECLARE
      entry record;
    BEGIN
      IF to_regclass('trackers_adoption') IS NULL THEN
        DROP TABLE trackers;
        DROP TYPE tracker_status;
        RETURN;
      END IF;
      FOR entry IN
        SELECT t.tgname FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
        WHERE t.tgrelid = 'trackers'::regclass AND NOT t.tgisinternal
          AND p.proname = ANY ('{${functions.join(',')}}') AND p.pronamespace = current_schema()::regnamespace
      LOOP
        EXECUTE format('DROP TRIGGER %I ON trackers', entry.tgname);
      END LOOP;
      FOR entry IN SELECT undo FROM trackers_adoption ORDER BY step DESC LOOP
        EXECUTE entry.undo;
      END LOOP;
      DROP TABLE trackers_adoption;
    END $$`);
}
