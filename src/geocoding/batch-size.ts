const MAX_REPORTS = 10_000;
const MIN_REPORTS = 250;
/** A longer transaction would delay imports that wait for the reports it changes. */
const SLOW_MS = 1_000;

/** Adapts the number of reports per transaction to how long the last ones took. */
export class BatchSize {
  private size = MAX_REPORTS;

  get reports(): number {
    return this.size;
  }

  /** Records how long a transaction took, in milliseconds. */
  record(ms: number): void {
    if (ms > SLOW_MS) this.size = Math.max(MIN_REPORTS, Math.floor(this.size / 2));
    else if (ms < SLOW_MS / 4) this.size = Math.min(MAX_REPORTS, this.size * 2);
  }
}
