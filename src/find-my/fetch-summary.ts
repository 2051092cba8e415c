import type { ImportSummary } from '../import/import-summary.js';

/** The result of asking for one tracker. */
export interface FetchOutcome {
  tracker: string;
  /** Entries in the answer, for all keys together; undefined without an answer. */
  reports?: number;
  /** Why there was no answer. */
  failure?: string;
}

/** The result of a fetch. An answer without reports is an answer. */
export interface FetchSummary {
  /** Trackers to ask for, by this process and by others that share the work. */
  trackers: number;
  /** Asked for by this process. */
  asked: number;
  answered: number;
  /** Answered without any reports. */
  withoutReports: number;
  notAnswered: { tracker: string; failure: string }[];
  /** The ledger of the reports; null when this process asked for none. */
  ledger: ImportSummary | null;
}

/** Collects the outcomes of a fetch in progress. */
export class FetchTally {
  private readonly outcomes: FetchOutcome[] = [];

  /** @param onOutcome called for every tracker, once its reports are stored or it was not answered. */
  constructor(private readonly onOutcome?: (outcome: FetchOutcome) => void) {}

  add(outcome: FetchOutcome): void {
    this.outcomes.push(outcome);
    this.onOutcome?.(outcome);
  }

  /** @param trackers how many there were to ask for. */
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
