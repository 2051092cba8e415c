import { DomainError } from '../common/errors/domain-error.js';
import { REJECTION_REASONS } from './report-source.js';

/** Every reason for rejecting a report, in the ledger and the quarantine. Stable, like error codes. */
export const LEDGER_REASONS = [
  ...REJECTION_REASONS,
  'unknown_tracker', // set by src/import/import-run.ts
  // The others are set by the database: sql/definitions/common/ingest_reports.sql.
  'out_of_range',
  'null_island',
  'future',
  'older_than_retention',
  'same_instant',
  'deleted',
] as const;

/** @throws DomainError `BAD_USER_INPUT` for an unknown reason; a filter with it would silently match nothing. */
export function checkReason(reason: string): void {
  if ((LEDGER_REASONS as readonly string[]).includes(reason)) return;
  throw new DomainError(
    'BAD_USER_INPUT',
    `reason must be one of ${LEDGER_REASONS.join(', ')} (got ${JSON.stringify(reason.slice(0, 100))})`,
    { details: { argument: 'reason' } },
  );
}
