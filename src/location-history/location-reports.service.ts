import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { retryTransient } from '../database/retry.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { outOfRange } from './report-ranges.js';
import { type DeletedDay, LocationReportsRepository, type NewReport } from './location-reports.repository.js';

/** What became of a report that was taken. */
export enum ReportOutcome {
  STORED = 'STORED',
  LATE = 'LATE',
  DUPLICATE = 'DUPLICATE',
}

/** The words of the database for it. */
const TAKEN: Readonly<Record<string, ReportOutcome>> = {
  stored: ReportOutcome.STORED,
  late: ReportOutcome.LATE,
  duplicate: ReportOutcome.DUPLICATE,
};

/** Why a report is not taken, for the one who sent it. */
const REFUSALS: Readonly<Record<string, [code: 'BAD_USER_INPUT' | 'CONFLICT', message: string]>> = {
  out_of_range: ['BAD_USER_INPUT', 'A value of the report is out of range'],
  null_island: ['BAD_USER_INPUT', 'Latitude 0 and longitude 0 are what devices say that do not know'],
  future: ['BAD_USER_INPUT', 'timestamp lies in the future'],
  older_than_retention: ['BAD_USER_INPUT', 'timestamp lies longer ago than history is kept'],
  same_instant: ['CONFLICT', 'The tracker has been at another place at this very moment'],
  deleted: ['CONFLICT', 'The report of this moment has been deleted for good'],
};

const SOURCE = 'api';
/** How long a deletion tries to come between those who store reports. */
const DELETE_PATIENCE_MS = 20_000;

@Injectable()
export class LocationReportsService {
  constructor(
    private readonly reports: LocationReportsRepository,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * Takes a report in, the way that every source does.
   *
   * @throws DomainError `BAD_USER_INPUT`, `NOT_FOUND` (tracker), `CONFLICT`; `reason` says in one word why it is refused.
   * `UNAVAILABLE` where another transaction is in the way: to be sent again.
   */
  async create(trackerId: string, report: Omit<NewReport, 'hashedAdvKey'>): Promise<ReportOutcome> {
    const problems = outOfRange(report);
    if (problems.length > 0) throw refusal('out_of_range', problems.join('; '));
    const { hashedAdvKey } = await this.trackers.get(trackerId);
    const outcome = await this.reports.take({ ...report, hashedAdvKey }, SOURCE);
    const taken = TAKEN[outcome];
    if (taken) return taken;
    throw refusal(outcome);
  }

  /**
   * Deletes a tracker's reports from one moment to another, both included, so that no source brings them back. Days whose
   * raw reports are gone are deleted where all their reports lie in the range, and else left as they are.
   *
   * @throws DomainError `BAD_USER_INPUT` (id, range), `NOT_FOUND` (tracker), `CONFLICT` when writers are at work for long.
   */
  async delete(trackerId: string, from: Date, to: Date): Promise<DeletedDay[]> {
    if (from > to) {
      throw new DomainError('BAD_USER_INPUT', 'from must not be after to', { details: { argument: 'to' } });
    }
    const { hashedAdvKey } = await this.trackers.get(trackerId);
    const range = { start: from, end: to };
    return retryTransient(() => this.reports.delete(hashedAdvKey, range), DELETE_PATIENCE_MS);
  }
}

/** @param explanation what there is to say beyond the reason. */
function refusal(reason: string, explanation?: string): DomainError {
  const [code, message] = REFUSALS[reason] ?? ['BAD_USER_INPUT', 'The report cannot be taken'];
  return new DomainError(code, explanation ?? message, { details: { argument: 'input', reason } });
}
