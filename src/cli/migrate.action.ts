import { DomainError } from '../common/errors/domain-error.js';
import { migrate, type MigrationReport, planMigration, undoMigrations } from '../migration/migrator.js';
import type { MigrationPlan, PlannedStep } from '../migration/plan.js';
import { count } from './count.js';
import { withDatabase } from './with-database.js';

export interface MigrateFlags {
  plan?: true;
  undo?: true;
  dropHistory?: true;
  /** How long another migration is waited for, in seconds. */
  wait: number;
}

/** `tracker migrate` */
export async function runMigrations({ plan, undo, dropHistory, wait }: MigrateFlags): Promise<void> {
  if (undo && plan) throw new DomainError('BAD_USER_INPUT', '--plan and --undo cannot be combined');
  if (undo && !dropHistory) {
    throw new DomainError(
      'BAD_USER_INPUT',
      'Undoing drops all reports and history; add --drop-history if you mean it',
    );
  }
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const lockWait = { progress, seconds: wait };
  await withDatabase(async (config, { directUrl }) => {
    if (plan) {
      process.stdout.write(describePlan(await planMigration(config, directUrl, lockWait)));
    } else if (undo) {
      process.stdout.write(
        `${count(await undoMigrations(config, directUrl, lockWait), 'migration')} undone\n`,
      );
    } else {
      const report = await migrate(config, directUrl, progress, wait);
      for (const warning of report.warnings) process.stderr.write(`warning: ${warning}\n`);
      process.stdout.write(describeReport(report));
    }
  });
}

function describeReport({ ran, definitions, remade, engine, spatialLayer }: MigrationReport): string {
  const done = [
    ...(ran.length > 0 ? [`${count(ran.length, 'migration')} ran`] : []),
    ...(definitions && ran.length === 0 ? ['functions and views replaced'] : []),
    ...(remade ? ['location_history made anew'] : []),
  ];
  return [
    ...ran.map((name) => `ran ${name}\n`),
    `${done.join(', ') || 'nothing to do'}; engine ${engine}, positions over ${spatialLayer}\n`,
  ].join('');
}

function describePlan(plan: MigrationPlan): string {
  const { from, to, engine, spatialLayer, steps, extensions, inTheWay } = plan;
  const lines = [
    `database: ${from === null ? 'new' : `version ${from}`}; this program: ${to}; engine ${engine}, positions over ${spatialLayer}`,
    ...extensions.map(
      (name) => `creates the extension ${name} (an administrator has to, where this role may not)`,
    ),
    ...(from === null
      ? [`creates everything: ${count(steps.length, 'step')}, nothing to lock or rewrite`]
      : []),
    ...(steps.length === 0 ? ['nothing to do'] : []),
    ...(from === null ? [] : steps.flatMap(describeStep)),
    ...inTheWay.map((object) => `in the way, drop it before: ${object}`),
    ...(steps.length === 0
      ? []
      : [
          `Nothing was changed. ${from === null ? 'Run' : 'Back the database up, then run'}: npm run migrate`,
        ]),
  ];
  return `${lines.join('\n')}\n`;
}

function describeStep({ name, work }: PlannedStep): string[] {
  return [
    work.length === 0 ? `${name}: nothing on this engine` : name,
    ...work.map(({ relation, action, lock, rewrites, rows }) =>
      [
        `  ${relation}: ${action}`,
        lock === 'none' ? 'locks nothing' : `${lock} for a moment`,
        rewrites ? 'writes its rows again' : 'rewrites nothing',
        ...(rows === null ? [] : [`about ${rows} rows`]),
      ].join('; '),
    ),
  ];
}
