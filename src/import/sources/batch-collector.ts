import type { RejectedItem, SourceBatch, SourceReport } from '../report-source.js';
import type { ParsedReport } from './field-values.js';
import { rejectedBy } from './source-errors.js';

/** Maximum number of reports in a batch. A single item, such as a GeoJSON line, may contain far more. */
const MAX_BATCH = 10_000;

/** Collects the reports and rejected items that a source parses, until they are yielded in batches. */
export class BatchCollector {
  private reports: SourceReport[] = [];
  private rejected: RejectedItem[] = [];

  /**
   * Adds one item: the report that `parse` returns, or a rejected item if that throws a RejectedItemError.
   *
   * @param describe called for a rejected item; returns its text, and its name if the line alone does not identify it.
   */
  add(
    position: number,
    parse: () => ParsedReport,
    describe?: () => { rawText?: string | undefined; item?: string },
  ): void {
    try {
      this.reports.push({ position, ...parse() });
    } catch (error) {
      const { rawText, item } = describe?.() ?? {};
      this.rejected.push(rejectedBy(error, position, rawText, item));
    }
  }

  /** Yields the items that were added since the last call. */
  *batches(): Generator<SourceBatch, void, undefined> {
    const { reports, rejected } = this;
    this.reports = [];
    this.rejected = [];
    for (let at = 0; at < Math.max(reports.length, rejected.length); at += MAX_BATCH) {
      yield { reports: reports.slice(at, at + MAX_BATCH), rejected: rejected.slice(at, at + MAX_BATCH) };
    }
  }
}

/** Runs a step, then yields the batches that it filled, even if the step failed. */
export function* batchesAfter(
  step: () => void,
  batches: () => Iterable<SourceBatch>,
): Generator<SourceBatch, void, undefined> {
  let failure: unknown;
  try {
    step();
  } catch (error) {
    failure = error;
  }
  yield* batches();
  if (failure !== undefined) {
    throw failure; // eslint-disable-line @typescript-eslint/only-throw-error -- rethrown unchanged
  }
}
