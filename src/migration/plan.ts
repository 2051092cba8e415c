import type { DataSource } from 'typeorm';
import type { Foundation, SqlRunner } from '../database/server-capabilities.js';
import type { Session } from '../database/session.js';
import { isViewOutdated } from './materialized-view.js';
import { PROGRAM_VERSION } from '../database/schema/program-version.js';
import { readVersion } from '../database/schema/schema-version.js';
import { findForeignDependents } from '../database/schema/replace-relation.js';
import type { PlannedWork } from '../database/schema/step.js';
import { findPending, replacedRelations } from './step-runner.js';

interface PlannedWorkWithRows extends PlannedWork {
  /** Estimated number of rows; null if unknown. */
  rows: number | null;
}

export interface PlannedStep {
  /** Name of the step, or of other work. */
  name: string;
  work: readonly PlannedWorkWithRows[];
}

export interface MigrationPlan extends Foundation {
  /** Current version of the schema; null for an empty database. */
  from: string | null;
  /** Version of this program. */
  to: string;
  steps: readonly PlannedStep[];
  /** Objects that the product did not create and that depend on replaced relations: they have to be dropped first. */
  inTheWay: readonly string[];
  /** Extensions that will be created. */
  extensions: readonly string[];
}

/** The plan of runPending() and rebuildMaterializedView(). */
export async function planPending(
  dataSource: DataSource,
  session: Session,
  foundation: Foundation,
  isMigrated: boolean,
): Promise<Omit<MigrationPlan, 'extensions'>> {
  const pending = await findPending(dataSource, session, isMigrated ? foundation : null);
  const steps: { name: string; work: readonly PlannedWork[] }[] = pending.steps.map((step) => ({
    name: step.constructor.name,
    work: isMigrated ? (step.plan?.(foundation) ?? []) : [],
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
  // Whether the columns of the view will change is known only after the pending steps.
  if (isMigrated && (pending.steps.length > 0 || (await isViewOutdated(session)))) {
    steps.push({
      name: 'materialized view',
      work: [
        {
          relation: 'location_history',
          action: 'if its columns change, build a new one beside it, then replace it',
          lock: 'readers and writers wait',
          rewrites: true,
        },
      ],
    });
  }
  return {
    engine: foundation.engine,
    spatialLayer: foundation.spatialLayer,
    from: isMigrated ? (await readVersion(session)).version : null,
    to: PROGRAM_VERSION,
    steps: await withRows(session, steps),
    inTheWay: await findForeignDependents(session, foundation, replacedRelations(pending.steps, foundation)),
  };
}

async function withRows(
  session: SqlRunner,
  steps: readonly { name: string; work: readonly PlannedWork[] }[],
): Promise<PlannedStep[]> {
  const planned: PlannedStep[] = [];
  for (const { name, work } of steps) {
    const parts = [];
    for (const part of work) parts.push({ ...part, rows: await estimateRows(session, part.relation) });
    planned.push({ name, work: parts });
  }
  return planned;
}

/** Estimates the rows with partitions and chunks; null for a view, and for a missing or never analysed relation. */
async function estimateRows(session: SqlRunner, relation: string): Promise<number | null> {
  const [{ rows }] = (await session.query(
    `WITH RECURSIVE stored AS (
       SELECT c.oid FROM pg_class AS c WHERE c.oid = to_regclass($1) AND c.relkind <> 'v'
       UNION
       -- A continuous aggregate is a view on the table that stores it.
       SELECT d.refobjid FROM pg_rewrite AS r JOIN pg_depend AS d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass
       JOIN pg_class AS c ON c.oid = d.refobjid AND c.relnamespace::regnamespace::text = '_timescaledb_internal'
       WHERE r.ev_class = to_regclass($1)
     ), parts AS (
       SELECT oid FROM stored
       UNION
       SELECT i.inhrelid FROM parts JOIN pg_inherits AS i ON i.inhparent = parts.oid
     )
     SELECT sum(nullif(c.reltuples, -1)) AS rows FROM parts JOIN pg_class AS c ON c.oid = parts.oid AND c.relkind IN ('r', 'm')`,
    [relation],
  )) as [{ rows: number | null }];
  return rows === null ? null : Math.round(rows);
}
