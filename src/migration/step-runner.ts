import { type DataSource, MigrationExecutor } from 'typeorm';
import { DomainError } from '../common/errors/domain-error.js';
import type { Foundation } from '../database/server-capabilities.js';
import type { Session } from '../database/session.js';
import { inBriefTransaction } from '../database/schema/brief-transaction.js';
import { applyDefinitions, definitionFiles, definitionsHash } from '../database/schema/definitions.js';
import { recordStep } from './frozen-steps.js';
import { definedRelations } from '../database/schema/relation-locks.js';
import { dropSuperseded, refuseForeignDependents } from '../database/schema/replace-relation.js';
import { readVersion } from '../database/schema/schema-version.js';
import { Step } from '../database/schema/step.js';

/** Work that is left to bring a database to the schema of this program. */
export interface PendingWork {
  /** Steps that have not run, oldest first. */
  steps: readonly Step[];
  /** Whether to apply the definitions: after any step, or if the database records another hash of them. */
  definitions: boolean;
}

/**
 * The steps that have run, oldest first.
 *
 * @throws DomainError `BAD_CONFIGURATION` if a step has not run but a later one has.
 */
export async function findExecuted(dataSource: DataSource, session: Session): Promise<Step[]> {
  const found = await new MigrationExecutor(dataSource, session).getExecutedMigrations();
  const names = new Set(found.map(({ name }) => name));
  const steps = stepsOf(dataSource);
  const executed = steps.filter((step) => names.has(step.constructor.name));
  const gap = steps.findIndex((step, i) => step !== executed[i]);
  const [missing, later] = [steps[gap], executed[gap]];
  if (missing && later) {
    throw new DomainError(
      'BAD_CONFIGURATION',
      `The step ${missing.constructor.name} has not run in this database, though the later ${later.constructor.name} has. ` +
        'Nothing was run. Use the program that the database was migrated with, or restore a backup',
    );
  }
  return executed;
}

/** @throws DomainError `BAD_CONFIGURATION`, see findExecuted(). */
export async function findPending(
  dataSource: DataSource,
  session: Session,
  foundation: Foundation | null,
): Promise<PendingWork> {
  const executed = new Set(await findExecuted(dataSource, session));
  const steps = stepsOf(dataSource).filter((step) => !executed.has(step));
  const recorded = foundation && (await readVersion(session)).definitions;
  return {
    steps,
    definitions: steps.length > 0 || foundation === null || recorded !== definitionsHash(foundation),
  };
}

/** Relations that these steps replace. */
export function replacedRelations(steps: readonly Step[], foundation: Foundation): string[] {
  return steps.flatMap((step) => step.replaces?.(foundation) ?? []);
}

/**
 * Runs the pending work: the preparation of each step, then the step in a transaction; the definitions in the
 * transaction of the last step. If interrupted, the next call continues.
 *
 * @returns names of the steps that ran.
 */
export async function runPending(
  dataSource: DataSource,
  session: Session,
  foundation: Foundation,
  { steps, definitions }: PendingWork,
  progress: (line: string) => void,
): Promise<string[]> {
  // Checked before anything is changed; otherwise the last step would fail.
  await refuseForeignDependents(session, foundation, replacedRelations(steps, foundation));
  const finish = async (): Promise<void> => {
    await applyDefinitions(session, foundation);
    await dropSuperseded(session);
  };
  const defined = definedRelations(definitionFiles(foundation));
  for (const step of steps) {
    const preparation = { session, foundation, progress };
    const isLast = step === steps.at(-1);
    await step.prepare?.(preparation);
    await inBriefTransaction(
      session,
      async () => {
        await execute(dataSource, session, step);
        if (isLast) await finish();
      },
      {
        relations: [...(isLast ? defined : []), ...(step.relations?.(foundation) ?? [])],
        catchUp: async () => step.catchUp?.(preparation),
        progress,
      },
    );
  }
  if (steps.length === 0 && definitions) {
    await inBriefTransaction(session, finish, { relations: defined, progress });
  }
  return steps.map((step) => step.constructor.name);
}

/** Runs a step and records it, in the current transaction. */
async function execute(dataSource: DataSource, session: Session, step: Step): Promise<void> {
  const executor = new MigrationExecutor(dataSource, session);
  const migration = (await executor.getPendingMigrations()).find(({ instance }) => instance === step);
  if (!migration) throw new Error(`${step.constructor.name} has run already`);
  await executor.executeMigration(migration);
  await recordSteps(session, dataSource);
}

/** Records every folder whose steps have all run, once the table for it exists. */
async function recordSteps(session: Session, dataSource: DataSource): Promise<void> {
  const [{ present }] = (await session.query(
    `SELECT to_regclass('schema_steps') IS NOT NULL AS present`,
  )) as [{ present: boolean }];
  if (!present) return;
  const executed = new Set(await findExecuted(dataSource, session));
  const steps = stepsOf(dataSource);
  const incomplete = new Set(steps.filter((step) => !executed.has(step)).map((step) => step.folder));
  for (const folder of new Set(steps.map((step) => step.folder))) {
    if (!incomplete.has(folder)) await recordStep(session, folder);
  }
}

function stepsOf(dataSource: DataSource): Step[] {
  return dataSource.migrations.filter((migration) => migration instanceof Step);
}
