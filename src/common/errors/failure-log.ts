import type { Logger } from '@nestjs/common';
import { toDomainError } from './pg-errors.js';
import { DomainError } from './domain-error.js';

/** An ongoing failure is logged again after this time, in milliseconds. */
const REMIND_MS = 10 * 60_000;

/**
 * Logs failures of work that is retried, without repeating them: when a failure begins or changes, every ten minutes while it
 * lasts, and when the work succeeds again. Expected failures (the database is unreachable) are one line; others have a stack.
 */
export class FailureLog {
  private readonly ongoing = new Map<string, { text: string; at: number }>();

  constructor(private readonly logger: Logger) {}

  /**
   * Runs the work and logs its failure, without throwing: the caller retries.
   *
   * @param what verb phrase that names the work, to complete "could not …".
   */
  async attempt(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.recordSuccess(what);
    } catch (error) {
      this.recordFailure(what, error);
    }
  }

  recordFailure(what: string, error: unknown): void {
    const known = toDomainError(error);
    const text = `could not ${what}: ${known instanceof Error ? known.message : String(known)}`;
    const last = this.ongoing.get(what);
    if (last?.text === text && performance.now() - last.at < REMIND_MS) return;
    this.ongoing.set(what, { text, at: performance.now() });
    if (known instanceof DomainError) this.logger.error(text);
    else this.logger.error(text, known instanceof Error ? known.stack : undefined);
  }

  isFailing(what: string): boolean {
    return this.ongoing.has(what);
  }

  recordSuccess(what: string): void {
    if (this.ongoing.delete(what)) this.logger.log(`can ${what} again`);
  }
}
