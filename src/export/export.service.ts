import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { timeRange } from '../common/time-range.js';
import { TrackersService } from '../trackers/trackers.service.js';
import type { ExportedTracker, ExportRow } from './export-row.js';
import { type ExportDetail, ExportRepository } from './export.repository.js';

/** Each export occupies a connection of the pool until its client has read everything. */
const MAX_CONCURRENT = 4;

/** An export in progress. */
export interface Export {
  tracker: ExportedTracker;
  rows: AsyncIterable<ExportRow>;
  /** Releases the connection; must always be called, whether all rows were read or not. */
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
   * Exports the positions of a tracker in [start, end), oldest first. Memory use does not grow with their number.
   *
   * @throws DomainError `BAD_USER_INPUT` (id, range), `NOT_FOUND` (tracker), `UNAVAILABLE` while too many exports run.
   */
  async export(trackerId: string, start: Date, end: Date, detail: ExportDetail): Promise<Export> {
    const range = timeRange(start, end);
    const { id, name } = await this.trackers.get(trackerId);
    if (this.running >= MAX_CONCURRENT) {
      throw new DomainError(
        'UNAVAILABLE',
        `The server is already running the maximum of ${MAX_CONCURRENT} exports; try again when one has finished`,
      );
    }
    const rows = this.counted(this.repository.rows(id, range, detail));
    const first = await rows.next();
    return { tracker: { id, name }, rows: resumed(first, rows), end: () => close(rows) };
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

/** Yields an item that was already read, then the rest. Reading it early reports a failing query before the response starts. */
async function* resumed<T>(first: IteratorResult<T, void>, rest: AsyncGenerator<T, void>): AsyncGenerator<T> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

async function close(rows: AsyncGenerator<unknown, void>): Promise<void> {
  await rows.return();
}
