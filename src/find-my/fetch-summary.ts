import type { ImportSummary } from '../import/import-summary.js';

/** The result of fetching the reports of one tracker. */
export interface FetchOutcome {
  tracker: string;
  /** Entries in the answer, for all keys together; undefined without an answer. */
  reports?: number;
  /** Why there was no answer. */
  failure?: string;
}

/** The result of a fetch. A tracker counts as answered even if the answer has no reports. */
export interface FetchSummary {
  /** Number of trackers to fetch, by this process and by others that share the work. */
  trackers: number;
  /** Number of trackers that this process requested. */
  asked: number;
  answered: number;
  /** Number of trackers whose answer had no reports. */
  withoutReports: number;
  notAnswered: { tracker: string; failure: string }[];
  /** The ledger of the reports; null if this process fetched no tracker. */
  ledger: ImportSummary | null;
}

/** Collects the outcomes of a fetch in progress. */
export class FetchTally {
  private readonly outcomes: FetchOutcome[] = [];

  /** @param onOutcome called for every tracker, once its reports are stored or its request has failed. */
  constructor(private readonly onOutcome?: (outcome: FetchOutcome) => void) {}

  add(outcome: FetchOutcome): void {
    this.outcomes.push(outcome);
    this.onOutcome?.(outcome);
  }

  /** @param trackers number of trackers to fetch, by all processes. */
  summary(trackers: number, ledger: ImportSummary | null): FetchSummary {
    const answered = this.outcomes.filter(({ failure }) => failure === undefined);
    return {
      trackers,
      asked: this.outcomes.length,
      answered: answered.length,
      withoutReports: answered.filter(({ reports }) => reports === 0).length,
      notAnswered: this.outcomes.flatMap(({ tracker, failure }) =>
        failure === undefined ? [] : [{ tracker, failure }],
      ),
      ledger,
    };
  }
}
