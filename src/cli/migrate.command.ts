import type { Command } from 'commander';

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('bring the database to the schema of this version; harmless when it is there already')
    .option('--undo', 'undo all migrations instead: the history is gone afterwards')
    .option('--drop-history', 'needed with --undo: yes, drop the history')
    .action(async (flags: { undo?: true; dropHistory?: true }) =>
      (await import('./migrate.action.js')).runMigrations(flags),
    );
}
