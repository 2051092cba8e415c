import { randomBytes } from 'node:crypto';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { asAdministrator, serverOf, type TestServer } from '../servers/database-servers.js';
import type { TestDatabase } from '../test-database.js';
import { expect } from '@jest/globals';

/** A database role that an operator created for SQL users. Drop it after the databases. */
export class OtherRole {
  /** A name that needs quotes. */
  readonly name = `"other-${randomBytes(6).toString('hex')}"`;

  private constructor(private readonly server: TestServer) {}

  static async create(engine: HistoryEngine): Promise<OtherRole> {
    const role = new OtherRole(serverOf(engine) as TestServer);
    await asAdministrator(role.server, (admin) => admin.query(`CREATE ROLE ${role.name}`));
    return role;
  }

  /** Grants it rights of every kind on the objects of 0.1.0, and revokes some from PUBLIC. */
  async grantEverywhere(db: TestDatabase): Promise<void> {
    await db.queryOnNewConnection(`GRANT SELECT ON location_history, location_history_view, latest_locations, history_in_hours, history_in_days,
         location_history_hourly, location_history_daily, location_history_days, trackers TO ${this.name};
       GRANT SELECT ON location_history TO PUBLIC;
       GRANT INSERT ON location_reports TO ${this.name} WITH GRANT OPTION;
       GRANT SELECT (run_id, reason), UPDATE (message) ON rejected_reports TO ${this.name};
       GRANT SELECT (id, nearest_city) ON location_history_view TO PUBLIC;
       GRANT SELECT (id, nearest_city), REFERENCES (id) ON location_history TO ${this.name};
       GRANT SELECT (bucket, nearest_city) ON location_history_daily TO ${this.name};
       GRANT USAGE ON SCHEMA tracker_compat TO ${this.name};
       REVOKE EXECUTE ON FUNCTION take_report, ingest_reports, update_nearest_city FROM PUBLIC;
       GRANT EXECUTE ON FUNCTION take_report, update_nearest_city TO ${this.name}`);
  }

  /** All rights of roles other than the owner, except the default rights of PUBLIC. */
  async rights(db: TestDatabase): Promise<string[]> {
    const rows = await db.queryOnNewConnection(
      `SELECT concat_ws(' ', object, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type,
         CASE WHEN a.is_grantable THEN 'with grant option' END) AS granted
       FROM (
         SELECT oid::regclass::text AS object, relacl AS acl, relowner AS owner FROM pg_class
           WHERE relnamespace = 'public'::regnamespace
         UNION ALL SELECT attrelid::regclass || '.' || attname, attacl, c.relowner
           FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid WHERE c.relnamespace = 'public'::regnamespace
         UNION ALL SELECT 'function ' || proname, proacl, proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         UNION ALL SELECT 'schema ' || nspname, nspacl, nspowner FROM pg_namespace WHERE nspname = 'tracker_compat'
       ) AS o CROSS JOIN LATERAL aclexplode(o.acl) AS a
       WHERE a.grantee <> o.owner AND (a.grantee = 0 OR a.grantee::regrole::text = $1)
         AND (a.grantee <> 0 OR o.object !~ '^(function|spatial_ref_sys|geo)')
       ORDER BY 1`,
      [this.name],
    );
    return rows.map(({ granted }) => String(granted));
  }

  /** Functions of the product that PUBLIC may not execute. */
  async restrictedFunctions(db: TestDatabase): Promise<string[]> {
    const rows =
      await db.queryOnNewConnection(`SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proacl IS NOT NULL
         AND NOT EXISTS (SELECT FROM aclexplode(proacl) AS a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')
         AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = pg_proc.oid AND d.deptype = 'e')
       ORDER BY 1`);
    return rows.map(({ proname }) => String(proname));
  }

  async drop(): Promise<void> {
    await asAdministrator(this.server, (admin) => admin.query(`DROP ROLE ${this.name}`));
  }
}

/** Columns and rows of relations, by their names. */
export type Snapshot = ReadonlyMap<string, { columns: string; rows: readonly string[] }>;

/** Tables that an upgrade may change. */
const MAY_CHANGE = [
  'schema_migrations', // records the upgrade
  'schema_steps',
  'schema_version',
  'refresh_state', // pending and finished refreshes
  'refresh_markers',
  'layer_refreshes',
  'history_layers',
  'lock_leases', // locks of running work
  'lock_holders',
];
/** On timescaledb, days move from the first table to the second; location_history_days shows both. */
const LAYERS = ['location_history_daily', 'location_history_daily_late'];

/** Conditions for the rows that history shows: hours after the cut and days before it. */
const SHOWN_ROWS: Record<string, string> = {
  location_history_hourly: 'WHERE bucket >= history_cut()',
  location_history_days: 'WHERE bucket < history_cut()',
};

/** Reads all rows of tables, views and materialized views that an upgrade must not change. */
export async function takeSnapshot(db: TestDatabase): Promise<Snapshot> {
  const relations = await db.queryOnNewConnection(
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

/** Checks that the relations of the snapshot have the same rows in the same columns. */
export async function expectUnchanged(db: TestDatabase, snapshot: Snapshot): Promise<void> {
  expect(snapshot.size).toBeGreaterThan(20);
  for (const [relation, { columns, rows }] of snapshot) {
    expect({ relation, rows: await read(db, relation, columns) }).toEqual({ relation, rows });
  }
}

async function read(db: TestDatabase, relation: string, columns: string): Promise<string[]> {
  const where = SHOWN_ROWS[relation] ?? '';
  const rows = await db.queryOnNewConnection(
    `SELECT ROW (${columns})::text AS row FROM ${relation} ${where} ORDER BY 1`,
  );
  return rows.map(({ row }) => String(row));
}

/** Names of the relations, functions, types and schemas that belong to no extension. */
export async function objectsOf(db: TestDatabase): Promise<string[]> {
  const rows = await db.queryOnNewConnection(`SELECT object FROM (
       SELECT 'pg_class'::regclass AS catalog, oid, relkind::text || ' ' || oid::regclass AS object, relnamespace AS schema FROM pg_class
         WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
       UNION ALL SELECT 'pg_proc'::regclass, oid, 'function ' || oid::regprocedure, pronamespace FROM pg_proc
       UNION ALL SELECT 'pg_type'::regclass, oid, 'type ' || oid::regtype, typnamespace FROM pg_type
         WHERE typtype IN ('d', 'e')
       UNION ALL SELECT 'pg_namespace'::regclass, oid, 'schema ' || nspname, oid FROM pg_namespace
     ) AS objects
     WHERE schema::regnamespace::text !~ '^(pg_|information_schema)' AND NOT EXISTS (
       SELECT FROM pg_depend AS d WHERE d.classid = catalog AND d.objid = objects.oid AND d.deptype = 'e')
     ORDER BY 1`);
  return rows.map((row) => String(row['object']));
}
