/** What came of extending a lock: it is still ours, or it is another's. Neither could be asked: a rejection. */
export type Renewal = 'extended' | 'lost';

/** Clocks of two machines do not run alike: ours gives up a little before the others may begin. */
const DRIFT = 0.01;

/**
 * Keeps a lock that expires: extends it at a third of its time, by a chained timer, so that attempts never pile up.
 *
 * The signal aborts when the lock is another's, or when its time has run out by our own clock, which counts from before
 * the request: after a pause of the process, too, when nobody has been asked yet.
 */
export class LockKeeper {
  private readonly controller = new AbortController();
  private renewal: NodeJS.Timeout | null = null;
  private expiry: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private expiresAt: number;
  private stopped = false;

  /**
   * @param name of the lock, for messages.
   * @param takenAt before it was asked for, by performance.now().
   */
  constructor(
    private readonly name: string,
    private readonly ttlMs: number,
    takenAt: number,
    private readonly extend: () => Promise<Renewal>,
  ) {
    this.expiresAt = this.expiryFrom(takenAt);
    this.watchExpiry();
    this.scheduleRenewal(ttlMs / 3);
  }

  /** Aborts when the lock is lost. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Extends it no longer; resolves when no attempt is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.renewal) clearTimeout(this.renewal);
    if (this.expiry) clearTimeout(this.expiry);
    await this.running;
  }

  /** Aborts the signal, with a LockLostError that says why; does nothing once the keeper has stopped. */
  lose(why: string): void {
    if (this.stopped) return;
    this.controller.abort(new LockLostError(this.name, why));
  }

  private expiryFrom(asked: number): number {
    return asked + this.ttlMs * (1 - DRIFT);
  }

  private watchExpiry(): void {
    if (this.expiry) clearTimeout(this.expiry);
    this.expiry = setTimeout(
      () => this.lose('it could not be extended in time'),
      this.expiresAt - performance.now(),
    );
  }

  private scheduleRenewal(ms: number): void {
    if (this.stopped || this.signal.aborted) return;
    this.renewal = setTimeout(() => {
      this.running = this.renew();
    }, ms);
  }

  private async renew(): Promise<void> {
    const asked = performance.now();
    if (asked >= this.expiresAt) {
      this.lose('it could not be extended in time');
      return;
    }
    try {
      if ((await this.extend()) === 'lost') {
        this.lose('it is held by another');
        return;
      }
    } catch {
      this.scheduleRenewal(this.ttlMs / 10); // once more, until the time has run out
      return;
    }
    if (this.signal.aborted || this.stopped) return;
    this.expiresAt = this.expiryFrom(asked);
    this.watchExpiry();
    this.scheduleRenewal(this.ttlMs / 3);
  }
}

/** What was done under a lock was stopped, because the lock was lost. */
export class LockLostError extends Error {
  override readonly name = 'LockLostError';

  constructor(lock: string, why: string) {
    super(`the lock ${lock} was lost: ${why}`);
  }
}
