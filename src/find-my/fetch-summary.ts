import type { ImportSummary } from '../import/import-summary.js';

/** What came of asking for one tracker. */
export interface FetchOutcome {
  tracker: string;
  /** How many entries the answer had, for all keys together; undefined where there was no answer. */
  reports?: number;
  /** Why there was no answer. */
  failure?: string;
}

/** What a fetch did. An answer without reports is an answer. */
export interface FetchSummary {
  /** How many trackers were to be asked for, by this process and by others that share the work. */
  trackers: number;
  /** Asked for by this process. */
  asked: number;
  answered: number;
  /** Of those answered: how many had no reports at all. */
  withoutReports: number;
  notAnswered: { tracker: string; failure: string }[];
  /** The ledger of the reports; null where this process asked for none. */
  ledger: ImportSummary | null;
}

/** Counts while a fetch goes on. */
export class FetchTally {
  readonly outcomes: FetchOutcome[] = [];

  add(outcome: FetchOutcome): void {
    this.outcomes.push(outcome);
  }

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
