import type { SqlRunner } from '../server-capabilities.js';

interface LimitedRoutine {
  schema: string;
  name: string;
  /** Roles that may execute it besides its owner, in the syntax of GRANT. */
  grantees: string[];
}

/**
 * Keeps the execution rights of routines that `work` drops and creates with other arguments; PostgreSQL lets everybody
 * execute a new routine. Routines that CREATE OR REPLACE replaces keep their rights anyway.
 *
 * @param names of the routines, without their schemas.
 */
export async function keepRoutineRights(
  session: SqlRunner,
  names: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const limited = (await session.query(
    `SELECT p.pronamespace::regnamespace::text AS schema, p.proname AS name, array_remove(array_agg(DISTINCT CASE
         WHEN a.grantee = 0 THEN 'PUBLIC'
         WHEN a.grantee <> p.proowner THEN concat_ws(' ', a.grantee::regrole, CASE WHEN a.is_grantable THEN 'WITH GRANT OPTION' END)
       END), NULL) AS grantees
     FROM pg_proc AS p LEFT JOIN LATERAL aclexplode(p.proacl) AS a ON true
     WHERE p.proacl IS NOT NULL AND p.proname = ANY ($1)
       AND p.pronamespace::regnamespace::text IN (current_schema(), 'tracker_compat')
     GROUP BY 1, 2`,
    [names],
  )) as LimitedRoutine[];
  await work();
  for (const { schema, name, grantees } of limited) {
    const created = (await session.query(
      `SELECT oid::regprocedure::text AS routine FROM pg_proc
       WHERE proname = $1 AND pronamespace = $2::regnamespace AND proacl IS NULL`,
      [name, schema],
    )) as { routine: string }[];
    for (const { routine } of created) {
      await session.query(`REVOKE ALL ON ROUTINE ${routine} FROM PUBLIC`);
      for (const grantee of grantees)
        await session.query(`GRANT EXECUTE ON ROUTINE ${routine} TO ${grantee}`);
    }
  }
}
