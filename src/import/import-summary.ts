import { DomainError } from '../common/errors/domain-error.js';

/** Rejected reports of one reason. */
export interface RejectionSummary {
  reason: string;
  reports: number;
  /** Where the first of them stood. */
  firstPosition: number;
  /** Of the first one, where there is more to say than the reason. */
  message?: string;
  /** How many of them are, or were, in the quarantine; the others are only counted. */
  kept: number;
  /** How many of those a later retry has taken in. */
  retaken: number;
}

/** What became of everything that an import read: read = stored + late + duplicate + rejected. */
export interface LedgerCounts {
  read: number;
  /** Kept as raw reports. */
  stored: number;
  /** Merged into the daily history, because raw reports of their day are no longer kept. */
  late: number;
  duplicate: number;
  rejected: number;
  /** The most frequent reason first. */
  rejections: RejectionSummary[];
}

/** The ledger of a run that has just begun. */
export const NOTHING_COUNTED: LedgerCounts = {
  read: 0,
  stored: 0,
  late: 0,
  duplicate: 0,
  rejected: 0,
  rejections: [],
};

/** The ledger of a run. */
export interface ImportSummary extends LedgerCounts {
  /** Id of the run, under which the ledger is kept; null of a rehearsal, which leaves none. */
  runId: string | null;
  /** Short name of the input's format. */
  format: string;
  /** How much of `read` was there already, taken in before the run was interrupted; 0 of one that began anew. */
  resumedAt: number;
}

/** An import that stopped before the end of its input, with the ledger of what was taken in until then. */
export class ImportBrokenError extends DomainError {
  constructor(
    cause: DomainError,
    readonly summary: ImportSummary,
  ) {
    super(cause.code, cause.message, { cause, details: cause.details });
  }
}
