import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { timeRange } from '../common/time-range.js';
import { TrackersService } from '../trackers/trackers.service.js';
import type { ExportedTracker, ExportRow } from './export-row.js';
import { type ExportDetail, ExportRepository } from './export.repository.js';

/** Each holds a connection of the pool for as long as its reader takes. */
const MOST_AT_ONCE = 4;

/** What is being exported. */
export interface Export {
  tracker: ExportedTracker;
  /** To be read to its end, or returned. */
  rows: AsyncIterable<ExportRow>;
  /** Ends it, whether it was read or not; to be called in any case. */
  end: () => Promise<void>;
}

@Injectable()
export class ExportService {
  private running = 0;

  constructor(
    private readonly repository: ExportRepository,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * Places of a tracker in [start, end), oldest first. Memory does not grow with them.
   *
   * @throws DomainError `BAD_USER_INPUT` (id, range), `NOT_FOUND` (tracker), `UNAVAILABLE` when too many exports run.
   */
  async export(trackerId: string, start: Date, end: Date, detail: ExportDetail): Promise<Export> {
    const range = timeRange(start, end);
    const { id, name } = await this.trackers.get(trackerId);
    if (this.running >= MOST_AT_ONCE) {
      throw new DomainError(
        'UNAVAILABLE',
        `${MOST_AT_ONCE} exports are running already; try again when one of them has ended`,
      );
    }
    const rows = this.counted(this.repository.rows(id, range, detail));
    const first = await rows.next();
    return { tracker: { id, name }, rows: resumed(first, rows), end: () => ended(rows) };
  }

  private async *counted(rows: AsyncIterable<ExportRow>): AsyncGenerator<ExportRow, void, undefined> {
    this.running += 1;
    try {
      yield* rows;
    } finally {
      this.running -= 1;
    }
  }
}

/** All items, of which the first was fetched already: what fails at the beginning fails before the answer has begun. */
async function* resumed<T>(first: IteratorResult<T, void>, rest: AsyncGenerator<T, void>): AsyncGenerator<T> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

async function ended(rows: AsyncGenerator<unknown, void>): Promise<void> {
  await rows.return();
}
