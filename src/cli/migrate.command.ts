import type { Command } from 'commander';
import type { MigrateFlags } from './migrate.action.js';
import { addWaitOption } from './wait-option.js';

export function addMigrateCommand(program: Command): void {
  const command = program
    .command('migrate')
    .description('bring the database to the schema of this version; harmless when it is there already')
    .option('--plan', 'only print what would run, what it locks or rewrites, and about how many rows')
    .option('--undo', 'drop everything that is of this product instead: the history is gone afterwards')
    .option('--drop-history', 'needed with --undo: yes, drop the history');
  addWaitOption(command).action(async (flags: MigrateFlags) =>
    (await import('./migrate.action.js')).runMigrations(flags),
  );
}
