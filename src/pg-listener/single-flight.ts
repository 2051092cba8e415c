/**
 * Runs one thing at a time, as often as needed and no oftener: any number of pokes while it runs lead to one more run.
 */
export class SingleFlight {
  private wanted = false;
  private running: Promise<void> | null = null;
  private wake: (() => void) | null = null;
  private closed = false;

  /**
   * @param run must not reject; what it could not do it does at the next poke.
   * @param gapAfter how long to wait after a run that took this long before the next one; both in milliseconds.
   */
  constructor(
    private readonly run: () => Promise<void>,
    private readonly gapAfter: (durationMs: number) => number,
  ) {}

  /** Asks for a run that begins after this call. */
  poke(): void {
    if (this.closed) return;
    this.wanted = true;
    this.running ??= this.loop().finally(() => (this.running = null));
  }

  /** No further run begins; resolves when the present one has ended. */
  async drain(): Promise<void> {
    this.closed = true;
    this.wake?.();
    await this.running;
  }

  private async loop(): Promise<void> {
    while (this.wanted && !this.isClosed()) {
      this.wanted = false; // before the work: a poke that comes while it runs is about something newer
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
