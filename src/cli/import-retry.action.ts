import { ImportModule } from '../import/import.module.js';
import { ImportRetryService } from '../import/import-retry.service.js';
import { answer, type AnswerFlags } from './answer.js';
import { describeSummary, jsonOf, showProgress } from './import-output.js';
import { withContext } from './with-context.js';

export interface RetryFlags extends AnswerFlags {
  run?: string;
  reason?: string;
  tracker?: string;
}

/** `tracker import retry` */
export async function retryRejected(flags: RetryFlags): Promise<void> {
  const { run, reason, tracker } = flags;
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
      answer(jsonOf('retry', summary, undefined), () => describeSummary('retry', summary), flags);
    } finally {
      progress.end();
    }
  });
}
