import { migrate, type MigrationReport, planMigration, undoMigrations } from '../migration/migrator.js';
import type { MigrationPlan, PlannedStep } from '../migration/plan.js';
import { answer, type AnswerFlags, colored, count, progress } from './answer.js';
import { UsageError } from './usage-error.js';
import { withDatabase } from './with-database.js';

export interface MigrateFlags extends AnswerFlags {
  plan?: true;
  undo?: true;
  dropHistory?: true;
  /** How long to wait for another migration, in seconds. */
  wait: number;
}

/** `tracker migrate` */
export async function runMigrations(flags: MigrateFlags): Promise<void> {
  const { plan, undo, dropHistory, wait } = flags;
  if (undo && !dropHistory) {
    throw new UsageError('--undo removes all reports and all history; add --drop-history to confirm');
  }
  const lockWait = { progress, seconds: wait };
  await withDatabase(async (config, { directUrl }) => {
    if (plan) {
      const planned = await planMigration(config, directUrl, lockWait);
      answer(planned, () => describePlan(planned), flags);
    } else if (undo) {
      const undone = await undoMigrations(config, directUrl, lockWait);
      answer({ undone }, `${count(undone, 'migration')} undone\n`, flags);
    } else {
      const report = await migrate(config, directUrl, progress, wait);
      for (const warning of report.warnings)
        progress(colored('yellow', `warning: ${warning}`, process.stderr));
      answer(report, () => describeReport(report), flags);
    }
  });
}

function describeReport({ ran, definitions, remade, engine, spatialLayer }: MigrationReport): string {
  const done = [
    ...(ran.length > 0 ? [`${count(ran.length, 'migration')} ran`] : []),
    ...(definitions && ran.length === 0 ? ['functions and views replaced'] : []),
    ...(remade ? ['location_history rebuilt'] : []),
  ];
  return [
    ...ran.map((name) => `ran ${name}\n`),
    `${done.join(', ') || 'nothing to do'}; engine ${engine}, spatial layer ${spatialLayer}\n`,
  ].join('');
}

function describePlan(plan: MigrationPlan): string {
  const { from, to, engine, spatialLayer, steps, extensions, inTheWay } = plan;
  const lines = [
    `database: ${from === null ? 'new' : `version ${from}`}; this program: ${to}; engine ${engine}, spatial layer ${spatialLayer}`,
    ...extensions.map(
      (name) =>
        `creates the extension ${name} (if this database role may not, an administrator has to create it first)`,
    ),
    ...(from === null
      ? [`creates everything: ${count(steps.length, 'step')}; locks and rewrites nothing`]
      : []),
    ...(steps.length === 0 ? ['nothing to do'] : []),
    ...(from === null ? [] : steps.flatMap(describeStep)),
    ...inTheWay.map((object) => `blocks the migration; drop it first: ${object}`),
    ...(steps.length === 0
      ? []
      : [
          `Nothing was changed. ${from === null ? 'Run' : 'Back the database up, then run'}: tracker migrate`,
        ]),
  ];
  return `${lines.join('\n')}\n`;
}

function describeStep({ name, work }: PlannedStep): string[] {
  return [
    work.length === 0 ? `${name}: nothing to do on this engine` : name,
    ...work.map(({ relation, action, lock, rewrites, rows }) =>
      [
        `  ${relation}: ${action}`,
        lock === 'none' ? 'locks nothing' : `${lock} for a moment`,
        rewrites ? 'rewrites its rows' : 'rewrites nothing',
        ...(rows === null ? [] : [`about ${rows} rows`]),
      ].join('; '),
    ),
  ];
}
