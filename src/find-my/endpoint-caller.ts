import { setTimeout as sleep } from 'node:timers/promises';
import {
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleType,
  isBrokenCircuitError,
  retry,
  wrap,
} from 'cockatiel';
import { DomainError } from '../common/errors/domain-error.js';
import type { AppConfig } from '../config/app-config.js';
import { type AnsweredReport, FindMyEndpoint, NotAnsweredError } from './find-my-endpoint.js';

/** Tries of one call, at growing distances. */
const ATTEMPTS = 3;
/** After so many trackers without an answer the endpoint itself is down, and others need not be tried. */
const FAILURES_IN_A_ROW = 3;
const PAUSE_MS = 60_000;

/** Calls the endpoint with patience, and with a limit to it. */
export class EndpointCaller {
  readonly endpoint: FindMyEndpoint;
  private readonly breaker = circuitBreaker(handleType(NotAnsweredError), {
    breaker: new ConsecutiveBreaker(FAILURES_IN_A_ROW),
    halfOpenAfter: PAUSE_MS,
  });
  private readonly policy;

  /** @throws DomainError `BAD_CONFIGURATION` where no endpoint is configured. */
  constructor(
    config: AppConfig,
    /** Takes a place in the row of all calls; tells how long to wait for it, in milliseconds. */
    private readonly placeInRow: () => Promise<number>,
  ) {
    this.endpoint = new FindMyEndpoint(config);
    const initialDelay = Math.max(config.FIND_MY_MIN_INTERVAL_MS, 50);
    this.policy = wrap(
      this.breaker,
      retry(handleType(NotAnsweredError), {
        maxAttempts: ATTEMPTS - 1,
        backoff: new ExponentialBackoff({ initialDelay, maxDelay: initialDelay * 30 }),
      }),
    );
  }

  /**
   * Asks for the reports of some keys of one tracker.
   *
   * @param before called before every try, when its time has come.
   * @throws NotAnsweredError when no try was answered; DomainError `UNAVAILABLE` when too many were not lately, and
   * `BAD_CONFIGURATION` when the endpoint refuses; the signal's reason.
   */
  async ask(
    hashedAdvKeys: readonly string[],
    before: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<AnsweredReport[]> {
    try {
      return await this.policy.execute(async () => {
        await sleep(await this.placeInRow(), undefined, { signal });
        await before();
        return await this.endpoint.ask(hashedAdvKeys, signal);
      }, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isBrokenCircuitError(error)) throw error;
      throw new DomainError(
        'UNAVAILABLE',
        `The Find My endpoint (${this.endpoint.name}) did not answer for ${FAILURES_IN_A_ROW} trackers in a row`,
        { cause: error },
      );
    }
  }
}
