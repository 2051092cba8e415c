import { DomainError } from '../common/errors/domain-error.js';
import { migrate, undoMigrations } from '../database/migrator.js';
import { withDatabase } from './with-database.js';

/** `tracker migrate` */
export async function runMigrations({
  undo,
  dropHistory,
}: {
  undo?: true;
  dropHistory?: true;
}): Promise<void> {
  if (undo && !dropHistory) {
    throw new DomainError(
      'BAD_USER_INPUT',
      'Undoing drops all reports and history; add --drop-history if you mean it',
    );
  }
  await withDatabase(async (config, { url }) => {
    if (undo) {
      const count = await undoMigrations(config, url);
      process.stdout.write(`${count} migrations undone\n`);
      return;
    }
    const { ran, engine, spatialLayer, warnings } = await migrate(config, url);
    for (const name of ran) process.stdout.write(`ran ${name}\n`);
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    const state = ran.length === 0 ? 'nothing to do' : `${ran.length} migrations ran`;
    process.stdout.write(`${state}; engine ${engine}, positions over ${spatialLayer}\n`);
  });
}
