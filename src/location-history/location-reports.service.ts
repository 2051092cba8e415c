import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { retryTransient } from '../database/retry.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { findValuesOutOfRange } from './report-limits.js';
import { type DeletedDay, LocationReportsRepository, type NewReport } from './location-reports.repository.js';

/** What happened to a report that was accepted. */
export enum ReportOutcome {
  STORED = 'STORED',
  LATE = 'LATE',
  DUPLICATE = 'DUPLICATE',
}

/** The outcomes of `take_report()` that accept a report; every other one is a rejection reason. */
const ACCEPTED: Readonly<Record<string, ReportOutcome>> = {
  stored: ReportOutcome.STORED,
  late: ReportOutcome.LATE,
  duplicate: ReportOutcome.DUPLICATE,
};

/** Error code and message of each rejection reason. */
const REJECTIONS: Readonly<Record<string, [code: 'BAD_USER_INPUT' | 'CONFLICT', message: string]>> = {
  out_of_range: ['BAD_USER_INPUT', 'A value of input is out of range'],
  null_island: [
    'BAD_USER_INPUT',
    'latitude 0 and longitude 0 are not a position: devices report them when they have none',
  ],
  future: ['BAD_USER_INPUT', 'timestamp must not be more than 10 minutes in the future'],
  older_than_retention: ['BAD_USER_INPUT', 'timestamp is older than the history that is kept'],
  same_instant: ['CONFLICT', 'The tracker already has a report with this timestamp at another location'],
  deleted: ['CONFLICT', 'The report with this timestamp was deleted permanently'],
};

const SOURCE = 'api';
/** How long a deletion retries while writers hold the lock on raw reports. */
const DELETE_RETRY_MS = 20_000;

@Injectable()
export class LocationReportsService {
  constructor(
    private readonly reports: LocationReportsRepository,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * Ingests a report.
   *
   * @throws DomainError `BAD_USER_INPUT`, `NOT_FOUND` (tracker), `CONFLICT`; `reason` is the rejection reason.
   * `UNAVAILABLE` when another transaction blocks it: the client should retry.
   */
  async create(trackerId: string, report: Omit<NewReport, 'hashedAdvKey'>): Promise<ReportOutcome> {
    const problems = findValuesOutOfRange(report);
    if (problems.length > 0) throw rejection('out_of_range', problems.join('; '));
    const { hashedAdvKey } = await this.trackers.get(trackerId);
    const outcome = await this.reports.ingestReport({ ...report, hashedAdvKey }, SOURCE);
    const accepted = ACCEPTED[outcome];
    if (accepted) return accepted;
    throw rejection(outcome);
  }

  /**
   * Deletes a tracker's reports in a range, both ends included; later imports reject them. A day whose raw reports are
   * gone is deleted if the range covers all of its reports; otherwise it stays unchanged.
   *
   * @throws DomainError `BAD_USER_INPUT` (id, range), `NOT_FOUND` (tracker), `CONFLICT` when writers hold the lock for
   * longer than DELETE_RETRY_MS.
   */
  async delete(trackerId: string, from: Date, to: Date): Promise<DeletedDay[]> {
    if (from > to) {
      throw new DomainError(
        'BAD_USER_INPUT',
        `from (${from.toISOString()}) must not be after to (${to.toISOString()})`,
        { details: { argument: 'to' } },
      );
    }
    const { hashedAdvKey } = await this.trackers.get(trackerId);
    const range = { start: from, end: to };
    return retryTransient(() => this.reports.delete(hashedAdvKey, range), DELETE_RETRY_MS);
  }
}

/** @param explanation replaces the message of the reason. */
function rejection(reason: string, explanation?: string): DomainError {
  const [code, message] = REJECTIONS[reason] ?? ['BAD_USER_INPUT', `input was rejected: ${reason}`];
  return new DomainError(code, explanation ?? message, { details: { argument: 'input', reason } });
}
