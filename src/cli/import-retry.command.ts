import { type Command, Option } from 'commander';
import { LEDGER_REASONS } from '../import/rejection-reasons.js';
import { addJsonOption, describe } from './command-help.js';
import type { RetryFlags } from './import-retry.action.js';

export function addRetryCommand(importCommand: Command): void {
  const command = describe(importCommand.command('retry'), {
    summary: 'try rejected reports again',
    description:
      'Tries rejected reports again, for example after their tracker was registered, their device was assigned, or the ' +
      'retention was raised. Accepted reports leave the quarantine; the others stay in it.',
    examples: {
      'import retry --reason unknown_tracker': 'after the missing trackers were added',
      'import retry --run 42 --tracker "My bike"':
        'one import run, with a tracker for reports that name none',
    },
  })
    .option('--run <id>', 'only reports of this import run')
    .addOption(
      new Option('--reason <reason>', 'only reports rejected for this reason').choices(LEDGER_REASONS),
    )
    .option('--tracker <name>', 'tracker for reports that name none, or an unknown one');
  addJsonOption(command).action(async (flags: RetryFlags) =>
    (await import('./import-retry.action.js')).retryRejected(flags),
  );
}
