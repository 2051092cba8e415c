import type { Logger } from '@nestjs/common';
import { toDomainError } from './pg-errors.js';
import { DomainError } from './domain-error.js';

/** A failure that goes on is told again after this time, in milliseconds. */
const REMIND_MS = 10 * 60_000;

/**
 * The failures of work that is tried again and again, each told once and not once a second: when it begins, when it is
 * another one, every ten minutes, and when the work can be done again. What is expected (a database that is away) comes
 * as one line, anything else with where it happened.
 */
export class FailureLog {
  private readonly told = new Map<string, { text: string; at: number }>();

  constructor(private readonly logger: Logger) {}

  /**
   * Does the work; what fails is told, and no more: whoever tries it tries it again.
   *
   * @param what it is for, as in "could not …".
   */
  async tried(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.worked(what);
    } catch (error) {
      this.failed(what, error);
    }
  }

  failed(what: string, error: unknown): void {
    const known = toDomainError(error);
    const text = `could not ${what}: ${known instanceof Error ? known.message : String(known)}`;
    const last = this.told.get(what);
    if (last?.text === text && performance.now() - last.at < REMIND_MS) return;
    this.told.set(what, { text, at: performance.now() });
    if (known instanceof DomainError) this.logger.error(text);
    else this.logger.error(text, known instanceof Error ? known.stack : undefined);
  }

  isFailing(what: string): boolean {
    return this.told.has(what);
  }

  worked(what: string): void {
    if (this.told.delete(what)) this.logger.log(`can ${what} again`);
  }
}
