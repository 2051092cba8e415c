import { type Command, Option } from 'commander';
import { addJsonOption, describe } from './command-help.js';
import type { MigrateFlags } from './migrate.action.js';
import { addWaitOption } from './wait-option.js';

export function addMigrateCommand(program: Command): void {
  const command = describe(program.command('migrate'), {
    summary: 'migrate the database schema to this version',
    description:
      'Migrates the database schema to this version. Does nothing if it is up to date, so it is safe to repeat, ' +
      'also by several processes at once.',
    examples: {
      'migrate --plan': 'only show what would run',
      migrate: 'run the migrations',
    },
  })
    .addOption(
      new Option(
        '--plan',
        'only show what would run, what it would lock or rewrite, and about how many rows',
      ).conflicts('undo'),
    )
    .option('--undo', 'remove everything this product created, including all reports and all history')
    .option('--drop-history', 'confirm --undo');
  addJsonOption(addWaitOption(command)).action(async (flags: MigrateFlags) =>
    (await import('./migrate.action.js')).runMigrations(flags),
  );
}
