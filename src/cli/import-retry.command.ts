import { type Command, Option } from 'commander';
import { LEDGER_REASONS } from '../import/rejection-reasons.js';
import type { RetryFlags } from './import-retry.action.js';

export function addRetryCommand(importCommand: Command): void {
  importCommand
    .command('retry')
    .description(
      'try rejected reports again, after a tracker was registered, a device assigned, or more history is kept. ' +
        'What is taken now leaves the quarantine; the rest stays there',
    )
    .option('--run <id>', 'only those of this import')
    .addOption(new Option('--reason <reason>', 'only those of this reason').choices(LEDGER_REASONS))
    .option('--tracker <name>', 'the tracker that those are of which name none, or one that is unknown')
    .option('--json', 'one JSON object on standard output')
    .action(async (flags: RetryFlags) => (await import('./import-retry.action.js')).retryRejected(flags));
}
