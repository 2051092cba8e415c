import { FetchBrokenError, FetchService } from '../find-my/fetch.service.js';
import type { FetchOutcome, FetchSummary } from '../find-my/fetch-summary.js';
import { FindMyModule } from '../find-my/find-my.module.js';
import { describeFailure, EXIT } from '../process.js';
import { describeSummary } from './import-output.js';
import { withContext } from './with-context.js';

/** `tracker fetch` @param names of trackers; none: all that have keys. */
export async function fetchReports(names: string[], { json }: { json?: true }): Promise<void> {
  await withContext(FindMyModule, (context) => fetch(context.get(FetchService), names, json === true));
}

async function fetch(fetches: FetchService, names: string[], json: boolean): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Error('interrupted'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const options = {
    signal: stop.signal,
    onOutcome: (outcome: FetchOutcome): void => void process.stderr.write(`${describeOutcome(outcome)}\n`),
  };
  try {
    const summary = await (names.length > 0
      ? fetches.fetchTrackers(names, options)
      : fetches.fetchAll(options));
    process.stdout.write(json ? `${JSON.stringify(summary)}\n` : describe(summary));
    if (summary.notAnswered.length > 0) process.exitCode = EXIT.failed;
  } catch (error) {
    if (error instanceof FetchBrokenError) {
      const { summary, code, message } = error;
      process.stdout.write(
        json ? `${JSON.stringify({ ...summary, error: { code, message } })}\n` : describe(summary),
      );
    } else if (!stop.signal.aborted) throw error;
    process.stderr.write(`${stop.signal.aborted ? INTERRUPTED : describeFailure(error)}\n`);
    process.exitCode = stop.signal.aborted ? EXIT.interrupted : EXIT.failed;
  }
}

const INTERRUPTED = 'interrupted; what was asked for is stored, and the rest is left to the next fetch';

function describeOutcome({ tracker, reports, failure }: FetchOutcome): string {
  return `${tracker}: ${failure === undefined ? `${reports ?? 0} reports` : `not answered: ${failure}`}`;
}

function describe({ trackers, asked, answered, withoutReports, notAnswered, ledger }: FetchSummary): string {
  if (trackers === 0) return 'nothing to fetch: no tracker has a private key (tracker keys import)\n';
  const others = trackers - asked; // less than none where others' requests were served on the way
  const shared = others > 0 ? `; ${others} left to others` : '';
  return (
    (ledger ? describeSummary('find-my', ledger, 'report') : '') +
    `${asked} trackers asked for = ${answered} answered (${withoutReports} without reports) + ` +
    `${notAnswered.length} not answered${shared}\n`
  );
}
