import { expect } from '@jest/globals';
import type pg from 'pg';
import { withClient } from '../servers/database-servers.js';

/**
 * The catalog queries return the columns `object` (kind and name) and `is` (properties as jsonb). They run with an
 * empty search_path, so that all names are qualified, and leave out objects of extensions.
 */

const NOT_OF_THE_SYSTEM = `!~ '^(pg_|information_schema$)'`;

/** Condition for objects that belong neither to an extension nor to the system. */
function ours(catalog: string, oid: string, schema: string): string {
  return `${schema}::regnamespace::text ${NOT_OF_THE_SYSTEM} AND NOT EXISTS (
    SELECT FROM pg_depend AS x WHERE x.classid = '${catalog}'::regclass AND x.objid = ${oid} AND x.deptype = 'e')`;
}

/** Rights, sorted; the default rights if none were granted. */
function rights(acl: string, kind: string | null, owner: string): string {
  const all = kind === null ? acl : `coalesce(${acl}, acldefault('${kind}', ${owner}))`;
  return `(SELECT jsonb_agg(concat_ws(' ', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
      a.privilege_type, CASE WHEN a.is_grantable THEN 'with grant option' END) ORDER BY a.grantee::regrole::text, a.privilege_type)
    FROM aclexplode(${all}) AS a)`;
}

/** The same condition for a relation `c`: for an index also checks its table, for a composite type also the type. */
const IS_OURS = `c.relnamespace::regnamespace::text ${NOT_OF_THE_SYSTEM} AND c.relkind <> 't' AND NOT EXISTS (
  SELECT FROM pg_depend AS x WHERE x.deptype = 'e' AND (x.classid, x.objid) IN (('pg_class'::regclass, c.oid),
    ('pg_type'::regclass, c.reltype),
    ('pg_class'::regclass, (SELECT i.indrelid FROM pg_index AS i WHERE i.indexrelid = c.oid))))`;

/** Condition for a partition or chunk `c`: their number depends on data, and their parent defines them. */
const IS_PART = `EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = c.oid)`;

export const SCHEMA_QUERIES: readonly string[] = [
  `SELECT 'schema ' || n.nspname AS object, jsonb_build_object('owner', n.nspowner::regrole, 'comment',
     obj_description(n.oid, 'pg_namespace'), 'rights', ${rights('n.nspacl', 'n', 'n.nspowner')}) AS is
   FROM pg_namespace AS n WHERE ${ours('pg_namespace', 'n.oid', 'n.oid')}`,

  `SELECT 'relation ' || c.oid::regclass, jsonb_build_object('kind', c.relkind, 'persistence', c.relpersistence, 'method',
     (SELECT amname FROM pg_am WHERE oid = c.relam), 'options', c.reloptions, 'tablespace', c.reltablespace, 'owner',
     c.relowner::regrole, 'populated', c.relispopulated, 'rowSecurity', c.relrowsecurity, 'identity', c.relreplident,
     'key', CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END, 'bound', pg_get_expr(c.relpartbound, c.oid),
     'parents', (SELECT jsonb_agg(i.inhparent::regclass ORDER BY i.inhseqno) FROM pg_inherits AS i WHERE i.inhrelid = c.oid),
     'comment', obj_description(c.oid, 'pg_class'),
     'rights', CASE WHEN c.relkind NOT IN ('i', 'I') THEN ${rights('c.relacl', 'r', 'c.relowner')} END)
   FROM pg_class AS c WHERE ${IS_OURS}`,

  // Numbered without dropped columns; not in compressed relations, where TimescaleDB chooses the order.
  `SELECT 'column ' || c.oid::regclass || '.' || a.attname, jsonb_build_object('number', CASE WHEN c.relname !~ '^_?compress'
     THEN row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum) END, 'type', format_type(a.atttypid, a.atttypmod),
     'collation', nullif(a.attcollation, 0)::regcollation, 'notNull', a.attnotnull, 'default',
     pg_get_expr(d.adbin, d.adrelid), 'identity', a.attidentity, 'generated', a.attgenerated, 'storage', a.attstorage,
     'compression', a.attcompression, 'options',
     -- some servers record there which version created the column
     (SELECT jsonb_agg(o) FROM unnest(a.attoptions) AS o WHERE o !~ '^pg_attver='), 'comment', col_description(c.oid, a.attnum),
     'rights', ${rights('a.attacl', null, '')})
   FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
   LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind NOT IN ('i', 'I', 'S')
     AND ${IS_OURS}`,

  `SELECT 'index ' || i.indexrelid::regclass, jsonb_build_object('definition', pg_get_indexdef(i.indexrelid),
     'valid', i.indisvalid AND i.indisready, 'primary', i.indisprimary, 'clustered', i.indisclustered, 'identity', i.indisreplident)
   FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
   WHERE ${IS_OURS}`,

  // A partition created after its parent's constraint is valid from the start.
  `SELECT 'constraint ' || coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text) || '.' || k.conname,
     jsonb_build_object('definition', replace(pg_get_constraintdef(k.oid), ' NOT VALID', ''), 'validated',
       CASE WHEN k.conrelid <> 0 AND ${IS_PART} AND k.contype = 'c' THEN 'as its parent, or true' ELSE k.convalidated::text END,
       'deferrable', k.condeferrable, 'local', k.conislocal, 'inherited', k.coninhcount, 'noInherit', k.connoinherit,
       'comment', obj_description(k.oid, 'pg_constraint'))
   FROM pg_constraint AS k LEFT JOIN pg_class AS c ON c.oid = k.conrelid
   WHERE ${ours('pg_constraint', 'k.oid', 'k.connamespace')}
     AND (k.contypid = 0 OR ${ours('pg_type', 'k.contypid', 'k.connamespace')})
     AND (k.conrelid = 0 OR ${IS_OURS})`,

  `SELECT 'routine ' || p.oid::regprocedure, jsonb_build_object('kind', p.prokind, 'owner', p.proowner::regrole,
     'definition', CASE WHEN p.prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) END,
     'volatility', p.provolatile, 'securityDefiner', p.prosecdef, 'settings', p.proconfig, 'parallel', p.proparallel,
     'cost', p.procost, 'rows', p.prorows, 'result', pg_get_function_result(p.oid),
     'comment', obj_description(p.oid, 'pg_proc'), 'rights', ${rights('p.proacl', 'f', 'p.proowner')})
   FROM pg_proc AS p WHERE ${ours('pg_proc', 'p.oid', 'p.pronamespace')}`,

  `SELECT 'trigger ' || t.tgrelid::regclass || '.' || t.tgname, jsonb_build_object('definition', pg_get_triggerdef(t.oid),
     'enabled', t.tgenabled, 'inherited', t.tgparentid <> 0, 'comment', obj_description(t.oid, 'pg_trigger'))
   FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
   WHERE NOT t.tgisinternal AND ${IS_OURS}`,

  `SELECT 'view ' || c.oid::regclass, to_jsonb(pg_get_viewdef(c.oid)) FROM pg_class AS c WHERE ${IS_OURS} AND c.relkind IN ('v', 'm')`,

  `SELECT 'rule ' || r.ev_class::regclass || '.' || r.rulename, to_jsonb(pg_get_ruledef(r.oid))
   FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class
   WHERE r.rulename <> '_RETURN' AND ${IS_OURS}`,

  `SELECT 'type ' || t.oid::regtype, jsonb_build_object('kind', t.typtype, 'owner', t.typowner::regrole, 'base',
     CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END, 'notNull', t.typnotnull, 'default', t.typdefault,
     'collation', nullif(t.typcollation, 0)::regcollation, 'labels',
     (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid),
     'comment', obj_description(t.oid, 'pg_type'), 'rights', ${rights('t.typacl', 'T', 't.typowner')})
   FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
   WHERE (t.typtype IN ('d', 'e', 'r') OR c.relkind = 'c') AND ${ours('pg_type', 't.oid', 't.typnamespace')}`,

  `SELECT 'sequence ' || s.seqrelid::regclass, jsonb_build_object('type', s.seqtypid::regtype, 'start', s.seqstart,
     'increment', s.seqincrement, 'max', s.seqmax, 'min', s.seqmin, 'cache', s.seqcache, 'cycle', s.seqcycle, 'of', (
       SELECT d.refobjid::regclass || '.' || a.attname FROM pg_depend AS d
       JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
       WHERE d.objid = s.seqrelid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
   FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid WHERE ${IS_OURS}`,

  `SELECT 'extension ' || extname, jsonb_build_object('version', extversion, 'schema', extnamespace::regnamespace) FROM pg_extension`,

  `SELECT 'setting of the database', jsonb_build_object('role', nullif(s.setrole, 0)::regrole, 'settings', s.setconfig)
   FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase WHERE d.datname = current_database()`,

  `SELECT 'default rights', to_jsonb(a) - 'oid' FROM pg_default_acl AS a`,

  `SELECT 'other ' || o.type || ' ' || o.identity, '{}' FROM (
     SELECT 'pg_event_trigger'::regclass AS class, oid FROM pg_event_trigger
     UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
     UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext
     UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy
     UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication
     UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
     UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
     UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation
     UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
   ) AS x CROSS JOIN LATERAL pg_identify_object(x.class, x.oid, 0) AS o
   WHERE x.oid >= 16384 AND NOT EXISTS (
     SELECT FROM pg_depend AS d WHERE d.classid = x.class AND d.objid = x.oid AND d.deptype = 'e')`,
];

/** Queries for the product's own records about its schema, by table. */
export const RECORDS: Record<string, string> = {
  schema_migrations: `SELECT name, timestamp FROM public.schema_migrations`,
  schema_steps: `SELECT step, checksum FROM public.schema_steps`,
  schema_version: `SELECT version, lowest_program, definitions FROM public.schema_version`,
  history_state: `SELECT engine, spatial_layer FROM public.history_state`,
};

/** Queries for TimescaleDB's records about hypertables, continuous aggregates and jobs. */
export const TIMESCALE_QUERIES: readonly string[] = [
  `SELECT 'hypertable ' || h.schema_name || '.' || h.table_name, jsonb_build_object('dimensions', h.num_dimensions,
     'sizing', h.chunk_sizing_func_name, 'target', h.chunk_target_size, 'compression', h.compression_state, 'status', h.status)
   FROM _timescaledb_catalog.hypertable AS h`,
  `SELECT 'dimension of ' || hypertable_schema || '.' || hypertable_name, to_jsonb(d) FROM timescaledb_information.dimensions AS d`,
  `SELECT 'columnstore of ' || hypertable, to_jsonb(s) FROM timescaledb_information.hypertable_columnstore_settings AS s`,
  `SELECT 'continuous aggregate ' || view_schema || '.' || view_name, to_jsonb(a) - 'view_owner'
   FROM timescaledb_information.continuous_aggregates AS a`,
  `SELECT 'bucket of _materialized_hypertable_' || f.mat_hypertable_id, to_jsonb(f) - 'mat_hypertable_id'
   FROM _timescaledb_catalog.continuous_aggs_bucket_function AS f`,
  `SELECT 'job ' || j.proc_name || ' of ' || coalesce(j.hypertable_schema || '.' || j.hypertable_name, ''),
     to_jsonb(j) - 'job_id' - 'application_name' - 'next_start' - 'initial_start' - 'config'
       || jsonb_build_object('config', j.config - 'hypertable_id' - 'mat_hypertable_id')
   FROM timescaledb_information.jobs AS j WHERE j.job_id >= 1000`,
];

/** One line per object of a database, sorted; equal dumps mean equal schemas. */
export type SchemaDump = readonly string[];

/**
 * Describes the whole schema of a database, including other products' objects. Replaces ids and names that depend on
 * data by their meaning, e.g. `<day>` or `<chunk of …>`, so that equal partitions or chunks share one line.
 */
export function dumpSchema(url: string): Promise<SchemaDump> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ owner: string; timescaledb: boolean }>(
      `SELECT current_user AS owner, EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb`,
    );
    const [{ owner, timescaledb }] = rows as [{ owner: string; timescaledb: boolean }];
    const recorded = await recordedTables(client);
    await client.query(
      `SET search_path = ''; SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'`,
    );
    const hypertables = timescaledb ? await nameHypertables(client) : new Map<string, string>();
    const ownerName = new RegExp(`\\b${owner}\\b`, 'g');
    const lines = new Set<string>();
    for (const query of [...SCHEMA_QUERIES, ...(timescaledb ? TIMESCALE_QUERIES : []), ...recorded]) {
      const found = await client.query<[string, unknown]>({ text: query, rowMode: 'array' });
      for (const [object, is] of found.rows) {
        const line = `${object}: ${JSON.stringify(is)}`.replace(ownerName, 'OWNER');
        lines.add(normalizeTimes(normalizeNames(line, hypertables)));
      }
    }
    return [...lines].sort();
  });
}

/** Checks that two databases have the same schema; the failure lists the lines that differ. */
export function expectSameSchema(actual: SchemaDump, expected: SchemaDump): void {
  expect({
    missing: expected.filter((line) => !actual.includes(line)),
    unexpected: actual.filter((line) => !expected.includes(line)),
  }).toEqual({ missing: [], unexpected: [] });
}

async function recordedTables(client: pg.Client): Promise<string[]> {
  const queries: string[] = [];
  for (const [table, query] of Object.entries(RECORDS)) {
    const { rows } = await client.query<{ present: boolean }>(
      'SELECT to_regclass($1) IS NOT NULL AS present',
      [table],
    );
    if (rows[0]?.present) queries.push(`SELECT 'row of ${table}', to_jsonb(t) FROM (${query}) AS t`);
  }
  return queries;
}

/** Readable names of the internal hypertables, by their ids. */
async function nameHypertables(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ id: string; name: string }>(
    `WITH named AS (
       SELECT h.id, h.compressed_hypertable_id, coalesce('materialized ' || a.user_view_name, h.table_name) AS name
       FROM _timescaledb_catalog.hypertable AS h
       LEFT JOIN _timescaledb_catalog.continuous_agg AS a ON a.mat_hypertable_id = h.id
       WHERE h.compression_state <> 2
     )
     SELECT id::text, name FROM named
     UNION ALL SELECT compressed_hypertable_id::text, 'compressed ' || name FROM named WHERE compressed_hypertable_id IS NOT NULL`,
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** Replaces names of chunks and internal hypertables; a name with an unknown id stays, and shows as a difference. */
function normalizeNames(line: string, hypertables: ReadonlyMap<string, string>): string {
  const named = (prefix: string) => (whole: string, id: string) => {
    const name = hypertables.get(id);
    return name === undefined ? whole : `<${prefix}${name}>`;
  };
  return line
    .replace(/_(?:materialized|compressed)_hypertable_(\d+)/g, named(''))
    .replace(/(?:_hyper|compress_hyper)_(\d+)_\d+_chunk/g, named('chunk of '))
    .replace(/_partial_view_(\d+)/g, named('partial view of '))
    .replace(/_direct_view_(\d+)/g, named('direct view of '))
    .replace(/(<chunk of [^>]+>)_(?:<[^>]*>|[^:\s"<])+/g, '$1_<index>') // truncated at a length that depends on the ids
    .replace(/(?<=[."])(?:\d+_)+(?=[a-z])/g, '<chunk>_') // constraints of chunks
    .replace(/(?<=\.)constraint_\d+/g, 'constraint_<n>');
}

/** Replaces the bounds of a partition or chunk, and the date in its name, by their distance from the first one. */
function normalizeTimes(line: string): string {
  if (!/<chunk|location_reports_\d{8}/.test(line)) return line;
  let first: number | undefined;
  return line.replace(
    /location_reports_(\d{4})(\d\d)(\d\d)|(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d)\+00/g,
    (_whole, y1?: string, m1?: string, d1?: string, y2?: string, m2?: string, d2?: string, time?: string) => {
      const moment = Date.parse(
        y1 === undefined
          ? `${y2 ?? ''}-${m2 ?? ''}-${d2 ?? ''}T${time ?? ''}Z`
          : `${y1}-${m1 ?? ''}-${d1 ?? ''}T00:00:00Z`,
      );
      first ??= moment;
      const hours = (moment - first) / 3_600_000;
      return y1 === undefined
        ? `<day + ${hours} h>`
        : `location_reports_<day${hours === 0 ? '' : ` + ${hours} h`}>`;
    },
  );
}
