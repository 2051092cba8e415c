/** Result of extending a lock. Extending rejects when the database cannot be reached. */
export type Renewal = 'extended' | 'lost';

/** Clocks of two machines drift apart: the holder counts the lock as lost a little before others may acquire it. */
const DRIFT = 0.01;

/**
 * Extends a lock that expires, each time after a third of its time to live. Timers are chained, so attempts never pile
 * up.
 *
 * The signal aborts when another process has the lock, or when its time to live has passed by the clock of this
 * process. That time counts from before each request, so after a suspend of the process the signal aborts before the
 * next request.
 */
export class LockRenewer {
  private readonly controller = new AbortController();
  private renewal: NodeJS.Timeout | null = null;
  private expiry: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private expiresAt: number;
  private stopped = false;

  /**
   * @param name of the lock, for messages.
   * @param requestedAt when the lock was requested, by performance.now().
   */
  constructor(
    private readonly name: string,
    private readonly ttlMs: number,
    requestedAt: number,
    private readonly extend: () => Promise<Renewal>,
  ) {
    this.expiresAt = this.expiryFrom(requestedAt);
    this.watchExpiry();
    this.scheduleRenewal(ttlMs / 3);
  }

  /** Aborts when the lock is lost. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Stops extending the lock; resolves when no attempt is running. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.renewal) clearTimeout(this.renewal);
    if (this.expiry) clearTimeout(this.expiry);
    await this.running;
  }

  /** Aborts the signal with a LockLostError; does nothing after stop(). */
  markLost(reason: string): void {
    if (this.stopped) return;
    this.controller.abort(new LockLostError(this.name, reason));
  }

  private expiryFrom(requestedAt: number): number {
    return requestedAt + this.ttlMs * (1 - DRIFT);
  }

  private watchExpiry(): void {
    if (this.expiry) clearTimeout(this.expiry);
    this.expiry = setTimeout(
      () => this.markLost('it could not be extended in time'),
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
    const requestedAt = performance.now();
    if (requestedAt >= this.expiresAt) {
      this.markLost('it could not be extended in time');
      return;
    }
    try {
      if ((await this.extend()) === 'lost') {
        this.markLost('it is held by another');
        return;
      }
    } catch {
      this.scheduleRenewal(this.ttlMs / 10); // retried until the time has run out
      return;
    }
    if (this.signal.aborted || this.stopped) return;
    this.expiresAt = this.expiryFrom(requestedAt);
    this.watchExpiry();
    this.scheduleRenewal(this.ttlMs / 3);
  }
}

/** Work under a lock was stopped because the lock was lost. */
export class LockLostError extends Error {
  override readonly name = 'LockLostError';

  constructor(lock: string, reason: string) {
    super(`the lock ${lock} was lost: ${reason}`);
  }
}
