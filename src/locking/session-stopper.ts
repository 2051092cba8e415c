import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../common/errors/domain-error.js';
import { endSession, type Session } from '../database/session.js';

/** How long one request to cancel may take, and how often it is repeated. */
const CANCEL_TIMEOUT_MS = 500;
const CANCEL_EVERY_MS = 100;
/** After this many unanswered requests in a row the connection is closed. */
const MAX_UNANSWERED = 6;

/** Work was stopped; `cause` is the error that the work then failed with. */
export class WorkStoppedError extends DomainError {
  override readonly name = 'WorkStoppedError';

  /** @param reason why it was stopped, e.g. a LockLostError. */
  constructor(
    readonly reason: unknown,
    cause: unknown,
  ) {
    super('UNAVAILABLE', reason instanceof Error ? reason.message : String(reason), { cause });
  }
}

/**
 * Stops the work of a session when a signal aborts: cancels its statement, and the next ones, until the work has ended.
 */
export class SessionStopper {
  private stopping: Promise<void> | null = null;
  private ended = false;

  /** @param cancel asks the server, on another session, to cancel the statement of this one. */
  constructor(
    private readonly session: Session,
    private readonly signal: AbortSignal,
    private readonly cancel: () => Promise<void>,
  ) {}

  /**
   * @returns the result of the work, also when the signal came too late to stop it.
   * @throws WorkStoppedError when it was stopped; otherwise what the work throws.
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

  /**
   * Whether the server was asked to cancel. It may cancel a later statement instead, so the session must not be reused.
   */
  get wasCancelled(): boolean {
    return this.stopping !== null;
  }

  private async stop(): Promise<void> {
    let unanswered = 0;
    while (!this.hasEnded()) {
      unanswered = (await this.tryCancel()) ? 0 : unanswered + 1;
      // Only if the server is silent: closing the session releases the lock, though the work may still be running.
      if (unanswered === MAX_UNANSWERED) return endSession(this.session);
      if (!this.hasEnded()) await sleep(CANCEL_EVERY_MS);
    }
  }

  /** @returns whether the server answered in time. */
  private tryCancel(): Promise<boolean> {
    const cancelled = this.cancel().then(
      () => true,
      () => false,
    );
    return Promise.race([cancelled, sleep(CANCEL_TIMEOUT_MS, false)]);
  }

  private hasEnded(): boolean {
    return this.ended;
  }
}
