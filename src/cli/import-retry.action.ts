import { ImportModule } from '../import/import.module.js';
import { ImportRetryService } from '../import/import-retry.service.js';
import { describeSummary, jsonOf, showProgress } from './import-output.js';
import { withContext } from './with-context.js';

export interface RetryFlags {
  run?: string;
  reason?: string;
  tracker?: string;
  json?: true;
}

/** `tracker import retry` */
export async function retryRejected({ run, reason, tracker, json }: RetryFlags): Promise<void> {
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
      process.stdout.write(json ? jsonOf('retry', summary, undefined) : describeSummary('retry', summary));
    } finally {
      progress.end();
    }
  });
}
