import type { Command } from 'commander';
import { ImportModule } from '../import/import.module.js';
import { ImportRetryService } from '../import/import-retry.service.js';
import { describeSummary, jsonOf, showProgress } from './import-output.js';
import { withContext } from './with-context.js';

interface RetryFlags {
  run?: string;
  reason?: string;
  tracker?: string;
  json?: true;
}

export function addRetryCommand(importCommand: Command): void {
  importCommand
    .command('retry')
    .description(
      'try rejected reports again, after a tracker was registered, a device assigned, or more history is kept. ' +
        'What is taken now leaves the quarantine; the rest stays there',
    )
    .option('--run <id>', 'only those of this import')
    .option('--reason <reason>', 'only those of this reason, e.g. unknown_tracker')
    .option('--tracker <name>', 'the tracker that those are of which name none, or one that is unknown')
    .option('--json', 'one JSON object on standard output')
    .action(async ({ run, reason, tracker, json }: RetryFlags) => {
      await withContext(ImportModule, async (context) => {
        const progress = showProgress('retry');
        try {
          const summary = await context.get(ImportRetryService).retry({
            runId: run,
            reason,
            tracker,
            onProgress: (counts) => progress.update(counts, undefined),
          });
          progress.end();
          process.stdout.write(
            json ? jsonOf('retry', summary, undefined) : describeSummary('retry', summary),
          );
        } finally {
          progress.end();
        }
      });
    });
}
