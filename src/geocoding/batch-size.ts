const LARGEST = 10_000;
const SMALLEST = 250;
/** A transaction that takes longer holds up who imports a report again of which it changes the city. */
const LONG_MS = 1_000;

/** How many reports one transaction takes, by how long the last ones took: a slow disk or a busy machine gets small ones. */
export class BatchSize {
  private size = LARGEST;

  get reports(): number {
    return this.size;
  }

  /** Notes how long a transaction took, in milliseconds. */
  took(ms: number): void {
    if (ms > LONG_MS) this.size = Math.max(SMALLEST, Math.floor(this.size / 2));
    else if (ms < LONG_MS / 4) this.size = Math.min(LARGEST, this.size * 2);
  }
}
