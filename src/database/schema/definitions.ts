import { createHash } from 'node:crypto';
import type { Foundation, SqlRunner } from '../server-capabilities.js';
import { sqlFile } from '../sql-files.js';
import { PROGRAM_VERSION } from './program-version.js';
import { keepRoutineRights } from './routine-rights.js';
import { LOWEST_PROGRAM, storeVersion } from './schema-version.js';

/**
 * The files of sql/definitions (functions, procedures, triggers and views), in an order in which they can be created.
 * They are applied as a whole, in the transaction of the last pending step, whenever their hash differs from the one
 * that the database records. `{engine}` and `{spatial}` stand for the folders of the database's engine and spatial
 * layer.
 */
const ORDER = [
  'removed',
  'spatial/{spatial}',
  'common/history_clock',
  'common/history_state',
  'common/possible_accuracy',
  'common/tracker_ids',
  'common/refresh_markers',
  '{engine}/location_reports',
  'common/report_guards',
  'common/summarize_reports',
  '{engine}/aggregates',
  'common/claim_late_reports',
  'common/unmergeable_reports',
  '{engine}/late_reports',
  'common/late_reports',
  '{engine}/report_triggers',
  '{engine}/refresh',
  'common/report_identities',
  '{engine}/retention',
  'common/retention',
  'common/geocoding_cells',
  'common/queue_reports',
  '{engine}/daily_history',
  'common/history_days',
  'common/guarded_relations',
  '{engine}/guarded_days',
  'common/mend_horizon',
  'common/location_history',
  'common/materialized_view',
  'common/nearest_city',
  '{engine}/nearest_city',
  '{engine}/history_layers',
  'common/history_layers',
  'common/session_state',
  'common/ingest_reports',
  'common/carry_over_backup',
  'common/lock_leases',
  'common/import_runs',
  'common/import_batches',
  'common/retry_rejected_reports',
  'common/tracker_keys',
  'common/tracker_fetches',
  'common/settled_cells',
  'common/fill_day_cities',
  '{engine}/fill_cities',
  'common/tracker_status_history',
  'common/history_answers',
  'common/history_in_zone_days',
  '{engine}/newest_days',
  '{engine}/erase_aggregates',
  'common/erase_reports',
  'common/take_report',
  'common/distance',
] as const;

/** Paths of the definitions below sql/, without the ending, in the order in which they are applied. */
export function definitionFiles({ engine, spatialLayer }: Foundation): string[] {
  return ORDER.map(
    (file) => `definitions/${file.replace('{engine}', engine).replace('{spatial}', spatialLayer)}`,
  );
}

/** SHA-256 of all definitions for an engine and spatial layer, in hexadecimal, as the database records it. */
export function definitionsHash(foundation: Foundation): string {
  const hash = createHash('sha256');
  for (const file of definitionFiles(foundation)) hash.update(`${file}\n`).update(sqlFile(file));
  return hash.digest('hex');
}

/** Applies all definitions, and records their hash with this program's version; call it in a transaction. */
export async function applyDefinitions(session: SqlRunner, foundation: Foundation): Promise<void> {
  const files = definitionFiles(foundation);
  const routines = definedObjects(files)
    .filter(({ kind }) => kind === 'ROUTINE')
    .map(({ name }) => name.replace(/^.*\./, ''));
  await keepRoutineRights(session, routines, async () => {
    for (const file of files) await session.query(sqlFile(file));
  });
  await storeVersion(session, {
    version: PROGRAM_VERSION,
    lowestProgram: LOWEST_PROGRAM,
    definitions: definitionsHash(foundation),
  });
}

/** A function, procedure, view or materialized view that a definition creates. */
export interface DefinedObject {
  kind: 'ROUTINE' | 'VIEW' | 'MATERIALIZED VIEW';
  name: string;
}

const DEFINED =
  /^CREATE (?:OR REPLACE )?(FUNCTION|PROCEDURE|VIEW|MATERIALIZED VIEW) (?:IF NOT EXISTS )?([a-z0-9_.]+)/gm;

/**
 * The objects that the definitions create, read from their text. Without triggers: they are dropped with their tables.
 */
export function definedObjects(files: readonly string[]): DefinedObject[] {
  return files
    .flatMap((file) => [...sqlFile(file).matchAll(DEFINED)])
    .map(([, kind, name = '']) => ({
      kind: kind === 'VIEW' || kind === 'MATERIALIZED VIEW' ? kind : 'ROUTINE',
      name,
    }));
}

/**
 * Drops the objects of these definitions in reverse order, without CASCADE. Skips an object that others still depend
 * on: call it again when those are dropped.
 */
export async function dropDefinitions(session: SqlRunner, files: readonly string[]): Promise<void> {
  const objects = definedObjects(files).reverse();
  await session.query(
    `DO $drop$
     DECLARE
       wanted record;
       target text;
     BEGIN
       FOR wanted IN SELECT * FROM jsonb_to_recordset(${quoteJson(objects)}) AS o (kind text, name text) LOOP
         FOR target IN
           SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END || p.oid::regprocedure FROM pg_proc AS p
             WHERE wanted.kind = 'ROUTINE' AND p.proname = regexp_replace(wanted.name, '^.*\\.', '')
               AND p.pronamespace = coalesce(to_regnamespace(nullif(substring(wanted.name FROM '^(.*)\\.'), '')),
                 current_schema()::regnamespace)
           UNION ALL SELECT wanted.kind || ' ' || c.oid::regclass FROM pg_class AS c
             WHERE c.oid = to_regclass(wanted.name) AND c.relkind = CASE wanted.kind WHEN 'VIEW' THEN 'v' WHEN 'MATERIALIZED VIEW' THEN 'm' END
         LOOP
           BEGIN
             EXECUTE 'DROP ' || target;
           EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
           END;
         END LOOP;
       END LOOP;
     END $drop$`,
  );
}

function quoteJson(value: unknown): string {
  return `'${JSON.stringify(value).replaceAll("'", "''")}'::jsonb`;
}
