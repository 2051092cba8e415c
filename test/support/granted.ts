import { randomBytes } from 'node:crypto';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { run } from './migrations.js';
import { asAdministrator, serverOf, type TestServer } from './servers.js';
import type { TestDatabase } from './test-database.js';

/** A role of an operator's own, for the people who read history with SQL. It is to be dropped after the databases. */
export class OtherRole {
  /** One that has to be quoted. */
  readonly name = `"other-${randomBytes(6).toString('hex')}"`;

  private constructor(private readonly server: TestServer) {}

  static async create(engine: HistoryEngine): Promise<OtherRole> {
    const role = new OtherRole(serverOf(engine) as TestServer);
    await asAdministrator(role.server, (admin) => admin.query(`CREATE ROLE ${role.name}`));
    return role;
  }

  /** Gives it rights on what there was in 0.1.0, of every kind, and takes some from everybody else. */
  async grantEverywhere(db: TestDatabase): Promise<void> {
    await run(
      db,
      `GRANT SELECT ON location_history, location_history_view, latest_locations, history_in_hours, history_in_days,
         location_history_hourly, location_history_daily, location_history_days, trackers TO ${this.name};
       GRANT SELECT ON location_history TO PUBLIC;
       GRANT INSERT ON location_reports TO ${this.name} WITH GRANT OPTION;
       GRANT SELECT (run_id, reason), UPDATE (message) ON rejected_reports TO ${this.name};
       GRANT SELECT (id, nearest_city) ON location_history_view TO PUBLIC;
       GRANT SELECT (id, nearest_city), REFERENCES (id) ON location_history TO ${this.name};
       GRANT SELECT (bucket, nearest_city) ON location_history_daily TO ${this.name};
       GRANT USAGE ON SCHEMA tracker_compat TO ${this.name};
       REVOKE EXECUTE ON FUNCTION take_report, ingest_reports, update_nearest_city FROM PUBLIC;
       GRANT EXECUTE ON FUNCTION take_report, update_nearest_city TO ${this.name}`,
    );
  }

  /** All rights that somebody other than the owner has, but for what everybody has by default. */
  async rights(db: TestDatabase): Promise<string[]> {
    const rows = await run(
      db,
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

  /** Functions of the product that not everybody may execute. */
  async closedFunctions(db: TestDatabase): Promise<string[]> {
    const rows = await run(
      db,
      `SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proacl IS NOT NULL
         AND NOT EXISTS (SELECT FROM aclexplode(proacl) AS a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')
         AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = pg_proc.oid AND d.deptype = 'e')
       ORDER BY 1`,
    );
    return rows.map(({ proname }) => String(proname));
  }

  async drop(): Promise<void> {
    await asAdministrator(this.server, (admin) => admin.query(`DROP ROLE ${this.name}`));
  }
}
