import type { DataSource } from 'typeorm';
import type { Foundation, SqlRunner } from '../server-capabilities.js';
import type { Session } from '../session.js';
import { isViewOutdated } from './materialized-view.js';
import { PROGRAM_VERSION } from './program-version.js';
import { readVersion } from './schema-version.js';
import type { PlannedWork } from './step.js';
import { findPending } from './step-runner.js';

export interface PlannedStep {
  /** Name of the step, or what else is done. */
  name: string;
  work: readonly (PlannedWork & {
    /** Estimated; null where the relation is not there yet. */ rows: number | null;
  })[];
}

export interface MigrationPlan extends Foundation {
  /** Version of the schema as it is; null for a database without one. */
  from: string | null;
  /** Version of this program. */
  to: string;
  steps: readonly PlannedStep[];
}

/** What runPending() and remakeMaterializedView() would do. */
export async function planPending(
  dataSource: DataSource,
  session: Session,
  made: Foundation,
  isMigrated: boolean,
): Promise<MigrationPlan> {
  const pending = await findPending(dataSource, session, isMigrated ? made : null);
  const steps: { name: string; work: readonly PlannedWork[] }[] = pending.steps.map((step) => ({
    name: step.constructor.name,
    work: step.plan?.(made) ?? [],
  }));
  if (pending.definitions) {
    steps.push({
      name: 'definitions (functions, triggers, views)',
      work: isMigrated
        ? ['location_reports', 'trackers', 'location_history_view'].map((relation) => ({
            relation,
            action: 'replace its functions, triggers or query',
            lock: 'readers and writers wait',
            rewrites: false,
          }))
        : [],
    });
  }
  // Steps that change what history shows are of the database's past; the view is compared after them.
  if (isMigrated && (pending.steps.length > 0 || (await isViewOutdated(session)))) {
    steps.push({
      name: 'materialized view',
      work: [
        {
          relation: 'location_history',
          action: 'make anew beside the old one, if its columns change, and put it in its place',
          lock: 'readers and writers wait',
          rewrites: true,
        },
      ],
    });
  }
  return {
    engine: made.engine,
    spatialLayer: made.spatialLayer,
    from: isMigrated ? (await readVersion(session)).version : null,
    to: PROGRAM_VERSION,
    steps: await Promise.all(
      steps.map(async ({ name, work }) => ({
        name,
        work: await Promise.all(
          work.map(async (part) => ({ ...part, rows: await estimateRows(session, part.relation) })),
        ),
      })),
    ),
  };
}

/** What the planner thinks, with partitions and chunks. */
async function estimateRows(session: SqlRunner, relation: string): Promise<number | null> {
  const [{ rows }] = (await session.query(
    `WITH RECURSIVE parts (oid) AS (
       SELECT to_regclass($1)::oid
       UNION
       -- A continuous aggregate is a view of the table that it is kept in.
       SELECT d.refobjid FROM parts JOIN pg_class AS c ON c.oid = parts.oid AND c.relkind = 'v'
         JOIN pg_rewrite AS r ON r.ev_class = c.oid JOIN pg_depend AS d ON d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
         WHERE d.refobjid <> c.oid AND $1 <> 'location_history_view'
       UNION SELECT i.inhrelid FROM parts JOIN pg_inherits AS i ON i.inhparent = parts.oid
     )
     SELECT CASE WHEN to_regclass($1) IS NOT NULL THEN sum(greatest(c.reltuples, 0)) END AS rows
     FROM parts JOIN pg_class AS c ON c.oid = parts.oid AND c.relkind IN ('r', 'm')`,
    [relation],
  )) as [{ rows: number | null }];
  return rows === null ? null : Math.round(rows);
}
