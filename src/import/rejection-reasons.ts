import { DomainError } from '../common/errors/domain-error.js';
import { REJECTION_REASONS } from './report-source.js';

/** Every reason that a report may be rejected for, in the ledger and in the quarantine. Stable, as error codes are. */
export const LEDGER_REASONS = [
  ...REJECTION_REASONS,
  'unknown_tracker', // src/import/import-run.ts
  // The others are the database's: sql/definitions/common/ingest_reports.sql.
  'out_of_range',
  'null_island',
  'future',
  'older_than_retention',
  'same_instant',
  'deleted',
] as const;

/** @throws DomainError `BAD_USER_INPUT` for a word that is no reason: nothing is rejected for it, and nobody would notice. */
export function checkReason(reason: string): void {
  if ((LEDGER_REASONS as readonly string[]).includes(reason)) return;
  throw new DomainError(
    'BAD_USER_INPUT',
    `reason must be one of ${LEDGER_REASONS.join(', ')}, not ${JSON.stringify(reason.slice(0, 100))}`,
    { details: { argument: 'reason' } },
  );
}
