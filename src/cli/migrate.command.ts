import { type Command, Option } from 'commander';
import { addJsonOption, describe } from './command-help.js';
import type { MigrateFlags } from './migrate.action.js';
import { addWaitOption } from './wait-option.js';

export function addMigrateCommand(program: Command): void {
  const command = describe(program.command('migrate'), {
    summary: 'bring the database schema up to this version',
    description:
      'Brings the database schema up to this version. Does nothing if it is already there, so it is safe to repeat, ' +
      'also by several processes at once.',
    examples: {
      'migrate --plan': 'show what would run; change nothing',
      migrate: 'run it',
    },
  })
    .addOption(
      new Option(
        '--plan',
        'only print what would run, what it locks or rewrites, and about how many rows',
      ).conflicts('undo'),
    )
    .option('--undo', 'remove everything this product created, including all reports and all history')
    .option('--drop-history', 'confirm --undo');
  addJsonOption(addWaitOption(command)).action(async (flags: MigrateFlags) =>
    (await import('./migrate.action.js')).runMigrations(flags),
  );
}
