import { DomainError } from '../../common/errors/domain-error.js';
import type { Foundation, SqlRunner } from '../server-capabilities.js';
import { definedObjects, definitionFiles } from './definitions.js';
import { dropChunks } from './drop-chunks.js';

/** Suffixes of a relation that will replace another one, and of a replaced one. */
const NEXT = '_next';
const SUPERSEDED = '_superseded';

/** Materialized views and continuous aggregates, which cannot be altered in place. */
const REPLACEABLE = ['location_history', 'location_history_hourly', 'location_history_daily'] as const;
export type Replaceable = (typeof REPLACEABLE)[number];

/**
 * Replaces a materialized view with `<name>_next`, which gets its rights and comments. Its indexes lose the suffix
 * `_next`. The old view stays as `<name>_superseded` until nothing depends on it: see dropSuperseded(). Call it in
 * a transaction.
 */
export async function replaceRelation(session: SqlRunner, name: Replaceable): Promise<void> {
  await session.query(`
    DO $replace$
    DECLARE
      granted record;
      commented record;
      index_name text;
    BEGIN
      FOR granted IN
        SELECT a.privilege_type || coalesce(' (' || quote_ident(r.attname) || ')', '') AS what,
          CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee,
          CASE WHEN a.is_grantable THEN 'WITH GRANT OPTION' ELSE '' END AS option
        FROM pg_class AS c
        CROSS JOIN LATERAL (
          SELECT c.relacl AS acl, NULL::name AS attname
          UNION ALL
          SELECT attacl, attname FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
        ) AS r
        CROSS JOIN LATERAL aclexplode(r.acl) AS a
        WHERE c.oid = '${name}'::regclass AND a.grantee <> c.relowner
      LOOP
        EXECUTE format('GRANT %s ON ${name}${NEXT} TO %s %s', granted.what, granted.grantee, granted.option);
      END LOOP;
      FOR commented IN
        SELECT c.relkind, a.attname, d.description FROM pg_description AS d JOIN pg_class AS c ON c.oid = d.objoid
        LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
        WHERE d.classoid = 'pg_class'::regclass AND d.objoid = '${name}'::regclass
      LOOP
        EXECUTE format('COMMENT ON %s IS %L', CASE WHEN commented.attname IS NOT NULL
          THEN format('COLUMN ${name}${NEXT}.%I', commented.attname)
          ELSE CASE commented.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END || ' ${name}${NEXT}' END,
          commented.description);
      END LOOP;
      FOR index_name IN
        SELECT i.relname FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = '${name}'::regclass
      LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', index_name, left(index_name, 50) || '${SUPERSEDED}');
      END LOOP;
      ALTER MATERIALIZED VIEW ${name} RENAME TO ${name}${SUPERSEDED};
      ALTER MATERIALIZED VIEW ${name}${NEXT} RENAME TO ${name};
      FOR index_name IN
        SELECT i.relname FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = '${name}'::regclass
      LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', index_name, regexp_replace(index_name, '${NEXT}$', ''));
      END LOOP;
    END $replace$`);
}

/** Drops replaced relations once the definitions use the new ones; in the same transaction. */
export async function dropSuperseded(session: SqlRunner): Promise<void> {
  for (const name of REPLACEABLE) {
    await dropChunks(session, `${name}${SUPERSEDED}`);
    // One statement each: only in this form does TimescaleDB accept a continuous aggregate that does not exist.
    await session.query(`DROP MATERIALIZED VIEW IF EXISTS ${name}${SUPERSEDED}`);
  }
}

/**
 * Objects that the product did not create and that depend on relations to be replaced: views, functions, and tables
 * with columns of their types. While they exist, the old relations cannot be dropped.
 *
 * @returns their names, e.g. `theirs (on location_history)`.
 */
export async function findForeignDependents(
  session: SqlRunner,
  foundation: Foundation,
  relations: readonly string[],
): Promise<string[]> {
  const ownNames = definedObjects(definitionFiles(foundation)).map(({ name }) => name.replace(/^.*\./, ''));
  const found = (await session.query(
    `WITH replaced AS (
       SELECT c.oid, c.oid::regclass::text AS name, t.oid AS row_type, t.typarray AS array_type
       FROM unnest($1::text[]) AS r (name) JOIN pg_class AS c ON c.oid = to_regclass(r.name) JOIN pg_type AS t ON t.oid = c.reltype
     ), dependents AS (
       SELECT DISTINCT r.name AS relation, coalesce(w.ev_class, CASE d.classid WHEN 'pg_class'::regclass THEN d.objid END) AS class,
         CASE d.classid WHEN 'pg_proc'::regclass THEN d.objid END AS routine,
         CASE WHEN w.oid IS NULL THEN pg_describe_object(d.classid, d.objid, d.objsubid) ELSE w.ev_class::regclass::text END AS object
       FROM replaced AS r JOIN pg_depend AS d ON d.deptype = 'n'
         AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid
           OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (r.row_type, r.array_type))
       LEFT JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
       WHERE w.ev_class IS DISTINCT FROM r.oid
     )
     SELECT d.object || ' (on ' || d.relation || ')' AS dependent
     FROM dependents AS d LEFT JOIN pg_class AS c ON c.oid = d.class LEFT JOIN pg_proc AS p ON p.oid = d.routine
     WHERE coalesce(c.relnamespace, p.pronamespace, 0)::regnamespace::text !~ '^_timescaledb'
       AND (coalesce(c.relname, p.proname) = ANY ($2::text[])
         AND coalesce(c.relnamespace, p.pronamespace)::regnamespace::text IN (current_schema(), 'tracker_compat')) IS NOT TRUE
     ORDER BY 1`,
    [relations, ownNames],
  )) as { dependent: string }[];
  return found.map(({ dependent }) => dependent);
}

/** @throws DomainError `CONFLICT` that names the objects that findForeignDependents() finds. */
export async function refuseForeignDependents(
  session: SqlRunner,
  foundation: Foundation,
  relations: readonly string[],
): Promise<void> {
  const found = await findForeignDependents(session, foundation, relations);
  if (found.length > 0) {
    throw new DomainError(
      'CONFLICT',
      `These objects depend on relations that have to be rebuilt: ${found.join(', ')}. Nothing was changed. ` +
        'Drop them, migrate, and create them again',
    );
  }
}
