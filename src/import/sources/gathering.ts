import type { RejectedItem, SourceBatch, SourceReport } from '../report-source.js';
import type { Decoded } from './field-values.js';
import { rejectedBy } from './source-errors.js';

/** One item of a few (a line of GeoJSON is one) may hold far more reports than a batch should. */
const MAX_BATCH = 10_000;

/** Collects what a source decodes, item by item, until it is yielded. */
export class Gathering {
  private reports: SourceReport[] = [];
  private rejected: RejectedItem[] = [];

  /**
   * Counts one item: as the report that `decode` makes of it, or as rejected when that throws a RejectedItemError.
   *
   * @param about asked when it is rejected: its text, and which item it is where its line alone does not say that.
   */
  take(
    position: number,
    decode: () => Decoded,
    about?: () => { given?: string | undefined; item?: string },
  ): void {
    try {
      this.reports.push({ position, ...decode() });
    } catch (error) {
      const { given, item } = about?.() ?? {};
      this.rejected.push(rejectedBy(error, position, given, item));
    }
  }

  /** What has been collected since the last call. */
  *batches(): Generator<SourceBatch, void, undefined> {
    const { reports, rejected } = this;
    this.reports = [];
    this.rejected = [];
    for (let at = 0; at < Math.max(reports.length, rejected.length); at += MAX_BATCH) {
      yield { reports: reports.slice(at, at + MAX_BATCH), rejected: rejected.slice(at, at + MAX_BATCH) };
    }
  }
}

/** Yields what a step has decoded, even if it fails. */
export function* decodedBy(
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
    throw failure; // eslint-disable-line @typescript-eslint/only-throw-error -- as it was thrown
  }
}
