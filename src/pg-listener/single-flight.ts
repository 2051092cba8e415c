/**
 * Runs a function on request, one run at a time: any number of requests during a run cause one more run.
 */
export class SingleFlight {
  private wanted = false;
  private running: Promise<void> | null = null;
  private wake: (() => void) | null = null;
  private closed = false;

  /**
   * @param run must not reject; the next run does what a failed one did not.
   * @param gapAfter pause after a run, given its duration; both in milliseconds.
   */
  constructor(
    private readonly run: () => Promise<void>,
    private readonly gapAfter: (durationMs: number) => number,
  ) {}

  /** Requests a run that starts after this call. */
  poke(): void {
    if (this.closed) return;
    this.wanted = true;
    this.running ??= this.loop().finally(() => (this.running = null));
  }

  /** Starts no further run; resolves when the current one has ended. */
  async drain(): Promise<void> {
    this.closed = true;
    this.wake?.();
    await this.running;
  }

  private async loop(): Promise<void> {
    while (this.wanted && !this.isClosed()) {
      this.wanted = false; // before the run: a request during it may be about newer changes
      const start = performance.now();
      await this.run();
      await this.pause(this.gapAfter(performance.now() - start));
    }
  }

  private isClosed(): boolean {
    return this.closed;
  }

  private pause(ms: number): Promise<void> {
    if (this.closed || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
