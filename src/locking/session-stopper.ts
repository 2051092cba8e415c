import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../common/errors/domain-error.js';
import { endSession, type Session } from '../database/session.js';

/** How often a session that does not stop is told to. */
const CANCEL_EVERY_MS = 500;
/** How often in a row a server does not answer before the connection to it is cut. */
const MOST_UNANSWERED = 6;

/** What was done was stopped; the cause is what it failed with then. */
export class WorkStoppedError extends DomainError {
  override readonly name = 'WorkStoppedError';

  /** @param reason why, e.g. a LockLostError. */
  constructor(
    readonly reason: unknown,
    cause: unknown,
  ) {
    super('UNAVAILABLE', reason instanceof Error ? reason.message : String(reason), { cause });
  }
}

/** Stops what a session does when a signal says so: its statement is cancelled, and the next, until the work has ended. */
export class SessionStopper {
  private stopping: Promise<void> | null = null;
  private ended = false;

  /** @param cancel tells the server, over another session, to stop the statement of this one. */
  constructor(
    private readonly session: Session,
    private readonly signal: AbortSignal,
    private readonly cancel: () => Promise<void>,
  ) {}

  /**
   * @returns what the work returns, also where it was told to stop too late.
   * @throws WorkStoppedError where it was stopped, else what the work throws.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const stop = (): void => {
      this.stopping = this.stop();
    };
    this.signal.addEventListener('abort', stop, { once: true });
    if (this.signal.aborted) stop();
    try {
      return await work();
    } catch (error) {
      throw this.signal.aborted ? new WorkStoppedError(this.signal.reason, error) : error;
    } finally {
      this.ended = true;
      this.signal.removeEventListener('abort', stop);
      await this.stopping;
    }
  }

  /** Whether the session was told to stop. It may hear of it later still: it must not be given to anybody else. */
  get wasTold(): boolean {
    return this.stopping !== null;
  }

  private async stop(): Promise<void> {
    let unanswered = 0;
    while (!this.hasEnded()) {
      unanswered = (await this.told()) ? 0 : unanswered + 1;
      // Not where the server answers: the lock would go with the session, while the work goes on.
      if (unanswered === MOST_UNANSWERED) return endSession(this.session);
      if (!this.hasEnded()) await sleep(CANCEL_EVERY_MS / 5);
    }
  }

  /** Whether the server took the word in time. */
  private told(): Promise<boolean> {
    const cancelled = this.cancel().then(
      () => true,
      () => false,
    );
    return Promise.race([cancelled, sleep(CANCEL_EVERY_MS, false)]);
  }

  private hasEnded(): boolean {
    return this.ended;
  }
}
