import { FetchBrokenError, FetchService } from '../find-my/fetch.service.js';
import type { FetchOutcome, FetchSummary } from '../find-my/fetch-summary.js';
import { FindMyModule } from '../find-my/find-my.module.js';
import { describeFailure, EXIT } from '../process.js';
import { answer, type AnswerFlags, colored, count, progress } from './answer.js';
import { describeSummary } from './import-output.js';
import { withContext } from './with-context.js';

/** `tracker fetch` @param names of trackers; none: all that have keys. */
export async function fetchReports(names: string[], flags: AnswerFlags): Promise<void> {
  await withContext(FindMyModule, (context) => fetch(context.get(FetchService), names, flags));
}

async function fetch(fetches: FetchService, names: string[], flags: AnswerFlags): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Error('interrupted'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const options = {
    signal: stop.signal,
    onOutcome: (outcome: FetchOutcome): void => progress(describeOutcome(outcome)),
  };
  try {
    const summary = await (names.length > 0
      ? fetches.fetchTrackers(names, options)
      : fetches.fetchAll(options));
    answer(summary, () => describe(summary), flags);
    if (summary.notAnswered.length > 0) process.exitCode = EXIT.failed;
  } catch (error) {
    if (error instanceof FetchBrokenError) {
      const { summary, code, message } = error;
      answer({ ...summary, error: { code, message } }, () => describe(summary), flags);
    } else if (!stop.signal.aborted) throw error;
    progress(stop.signal.aborted ? INTERRUPTED : colored('red', describeFailure(error), process.stderr));
    process.exitCode = stop.signal.aborted ? EXIT.interrupted : EXIT.failed;
  }
}

const INTERRUPTED = 'interrupted; the reports fetched so far are stored, and the next fetch continues';

function describeOutcome({ tracker, reports, failure }: FetchOutcome): string {
  return `${tracker}: ${failure === undefined ? count(reports ?? 0, 'report') : `no answer: ${failure}`}`;
}

function describe({ trackers, asked, answered, withoutReports, notAnswered, ledger }: FetchSummary): string {
  if (trackers === 0)
    return 'nothing to fetch: no tracker has a private key; import keys with: tracker keys import FILE\n';
  const others = trackers - asked; // negative if this process also fetched trackers that others requested
  const shared = others > 0 ? `; ${others} fetched by other processes` : '';
  return (
    (ledger ? describeSummary('find-my', ledger, 'report') : '') +
    `${asked} trackers requested = ${answered} answered (${withoutReports} without reports) + ` +
    `${notAnswered.length} failed${shared}\n`
  );
}
