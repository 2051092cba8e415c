import { DomainError } from '../common/errors/domain-error.js';

/** Rejected reports of one reason. */
export interface RejectionSummary {
  reason: string;
  reports: number;
  /** Position of the first one. */
  firstPosition: number;
  /** Message of the first one, if any. */
  message?: string;
  /** Number of reports that the quarantine kept; the others are only counted. */
  kept: number;
  /** Number of kept reports that a later retry accepted. */
  retaken: number;
}

/** Counts of everything that an import read: read = stored + late + duplicate + rejected. */
export interface LedgerCounts {
  read: number;
  /** Stored as raw reports. */
  stored: number;
  /** Merged into the daily history, because raw reports of their day are no longer kept. */
  late: number;
  duplicate: number;
  rejected: number;
  /** The most frequent reason first. */
  rejections: RejectionSummary[];
}

/** The ledger of a run that has just started. */
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
  /** Id of the run in the ledger; null for a dry run, which is not recorded. */
  runId: string | null;
  /** Short name of the input's format. */
  format: string;
  /** The part of `read` that was counted before the run was interrupted; 0 if it was not resumed. */
  resumedAt: number;
}

/** An import that stopped before the end of its input, with its ledger so far. */
export class ImportBrokenError extends DomainError {
  constructor(
    cause: DomainError,
    readonly summary: ImportSummary,
  ) {
    super(cause.code, cause.message, { cause, details: cause.details });
  }
}
