import { SPATIAL_LAYERS, HISTORY_ENGINES } from '../../config/env.schema.js';
import type { SqlRunner } from '../server-capabilities.js';
import { definedObjects, definitionFiles, dropDefinitions } from './definitions.js';

/** Continuous aggregates of the timescaledb engine, with those that an interrupted step has left beside them. */
const AGGREGATES = ['location_history_hourly', 'location_history_daily'].flatMap((name) => [
  `${name}_next`,
  name,
]);

/** Every table of the product but `trackers`, which may have been there before; partitions go with theirs. */
const TABLES = [
  'deleted_reports',
  'find_my_pace',
  'geocoding_cells',
  'geocoding_providers',
  'geocoding_queue',
  'geocoding_state',
  'history_state',
  'import_run_rejections',
  'import_run_trackers',
  'import_runs',
  'job_runs',
  'layer_refreshes',
  'location_history_daily_late',
  'location_history_rollups',
  'location_reports',
  'lock_leases',
  'refresh_markers',
  'refresh_state',
  'rejected_reports',
  'report_identities',
  'schema_steps',
  'schema_version',
  'tracker_devices',
  'tracker_fetches',
  'tracker_keys',
  'tracker_status_history',
] as const;

/** All definitions, of whichever engine and spatial layer. */
const DEFINITIONS = [
  ...new Set(
    HISTORY_ENGINES.flatMap((engine) =>
      SPATIAL_LAYERS.flatMap((spatialLayer) => definitionFiles({ engine, spatialLayer })),
    ),
  ),
];

/**
 * Drops everything that is the product's, whichever steps have run; to be called in a transaction. A table `trackers` that
 * was there before stays, as it was, and backed-up tables have their names again. Nothing cascades: what others have built
 * on it is in the way, and PostgreSQL names it.
 */
export async function dropEverything(session: SqlRunner): Promise<void> {
  await session.query('DROP MATERIALIZED VIEW IF EXISTS location_history_next');
  await dropDefinitions(session, DEFINITIONS);
  await dropAggregates(session);
  await giveTrackersBack(session);
  await session.query(`DROP TABLE IF EXISTS ${TABLES.join(', ')}`);
  await dropDefinitions(session, DEFINITIONS); // those that a table stood on
  await session.query(`
    DROP DOMAIN IF EXISTS geo_point;
    DROP DOMAIN IF EXISTS tracker_compat.geometry;
    DROP SCHEMA IF EXISTS tracker_compat;
    ALTER TABLE IF EXISTS location_history_backup RENAME TO location_history;
    ALTER TABLE IF EXISTS location_reports_backup RENAME TO location_reports;
    DROP TABLE schema_migrations;
    DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET search_path = %s', current_database(),
        replace(current_setting('search_path'), ', tracker_compat', ''));
    END $$`);
}

/** On the other engine they are tables, which go with theirs. */
async function dropAggregates(session: SqlRunner): Promise<void> {
  for (const name of AGGREGATES) {
    await session.query(`
      DO $$ BEGIN
        IF (SELECT relkind FROM pg_class WHERE oid = to_regclass('${name}')) = 'v' THEN
          DROP MATERIALIZED VIEW ${name};
        END IF;
      END $$`);
  }
}

async function giveTrackersBack(session: SqlRunner): Promise<void> {
  const functions = definedObjects(DEFINITIONS).map(({ name }) => name);
  await session.query(`
    DO $$
    DECLARE
      ours record;
    BEGIN
      IF to_regclass('trackers_adoption') IS NULL THEN
        DROP TABLE IF EXISTS tracker_status_history, tracker_keys, tracker_fetches, tracker_devices, trackers;
        DROP TYPE IF EXISTS tracker_status;
        RETURN;
      END IF;
      FOR ours IN
        SELECT t.tgname FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
        WHERE t.tgrelid = 'trackers'::regclass AND NOT t.tgisinternal
          AND p.proname = ANY ('{${functions.join(',')}}') AND p.pronamespace = current_schema()::regnamespace
      LOOP
        EXECUTE format('DROP TRIGGER %I ON trackers', ours.tgname);
      END LOOP;
      -- What refers to its columns goes before they are changed back.
      DROP TABLE IF EXISTS tracker_status_history, tracker_keys, tracker_fetches, tracker_devices;
      FOR ours IN SELECT undo FROM trackers_adoption ORDER BY step DESC LOOP
        EXECUTE ours.undo;
      END LOOP;
      DROP TABLE trackers_adoption;
    END $$`);
}
