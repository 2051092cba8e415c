import { DomainError } from '../../common/errors/domain-error.js';
import type { Foundation, SqlRunner } from '../server-capabilities.js';
import { definedObjects, definitionFiles } from './definitions.js';
import { dropChunks } from './drop-chunks.js';

/** Suffix of a relation that is made beside the one it is to replace, and of the one that was replaced. */
const NEXT = '_next';
const SUPERSEDED = '_superseded';

/** The materialized views, continuous aggregates among them: the relations that cannot be altered in place. */
const REPLACEABLE = ['location_history', 'location_history_hourly', 'location_history_daily'] as const;
export type Replaceable = (typeof REPLACEABLE)[number];

/**
 * Puts `<name>_next` in the place of a materialized view, with the rights of the old one. Indexes of the new one lose the
 * `_next` at their ends. The old one stays as `<name>_superseded` until nothing depends on it: see dropSuperseded(). To be
 * called in a transaction.
 */
export async function replaceRelation(session: SqlRunner, name: Replaceable): Promise<void> {
  await session.query(`
    DO $replace$
    DECLARE
      granted record;
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

/** Drops what was replaced, once the definitions stand on what replaced it; in the same transaction. */
export async function dropSuperseded(session: SqlRunner): Promise<void> {
  for (const name of REPLACEABLE) {
    await dropChunks(session, `${name}${SUPERSEDED}`);
    // One by one: of a continuous aggregate that is not there IF EXISTS is the only word TimescaleDB lets through.
    await session.query(`DROP MATERIALIZED VIEW IF EXISTS ${name}${SUPERSEDED}`);
  }
}

/**
 * Checks that nobody else's views stand on relations that are to be replaced: they would keep the old ones alive.
 *
 * @throws DomainError `CONFLICT` that names them.
 */
export async function refuseForeignDependents(
  session: SqlRunner,
  made: Foundation,
  relations: readonly string[],
): Promise<void> {
  const ours = definedObjects(definitionFiles(made))
    .filter(({ kind }) => kind !== 'ROUTINE')
    .map(({ name }) => name);
  const found = (await session.query(
    `SELECT DISTINCT r.ev_class::regclass::text AS view, d.refobjid::regclass::text AS relation
     FROM pg_depend AS d JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
     JOIN pg_class AS c ON c.oid = r.ev_class
     WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (SELECT to_regclass(n)::oid FROM unnest($1::text[]) AS n)
       AND r.ev_class <> d.refobjid AND c.relnamespace::regnamespace::text !~ '^_timescaledb'
       AND (c.relname <> ALL ($2::text[]) OR c.relnamespace <> current_schema()::regnamespace)
     ORDER BY 1`,
    [relations, ours],
  )) as { view: string; relation: string }[];
  if (found.length > 0) {
    const list = found.map(({ view, relation }) => `${view} (on ${relation})`).join(', ');
    throw new DomainError(
      'CONFLICT',
      `These views stand on relations that are made anew: ${list}. Nothing was changed. ` +
        'Drop them, migrate, and create them again',
    );
  }
}
