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

/** Attempts per call, with increasing delays. */
const ATTEMPTS = 3;
/** After this many failed calls in a row the endpoint counts as down, and no calls are made for PAUSE_MS. */
const FAILURES_IN_A_ROW = 3;
const PAUSE_MS = 60_000;

/** Calls the endpoint with retries, at the pace shared by all processes, and with a circuit breaker. */
export class EndpointCaller {
  readonly endpoint: FindMyEndpoint;
  private readonly breaker = circuitBreaker(handleType(NotAnsweredError), {
    breaker: new ConsecutiveBreaker(FAILURES_IN_A_ROW),
    halfOpenAfter: PAUSE_MS,
  });
  private readonly policy;

  /** @throws DomainError `BAD_CONFIGURATION` when no endpoint is configured. */
  constructor(
    config: AppConfig,
    /** Reserves the next call among all processes; returns how long to wait for it, in milliseconds. */
    private readonly reserveCall: () => Promise<number>,
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
   * Requests the reports of some keys of one tracker.
   *
   * @param beforeAttempt called immediately before every attempt.
   * @throws NotAnsweredError when no attempt was answered; DomainError `UNAVAILABLE` while the endpoint counts as down,
   * `BAD_CONFIGURATION` when it rejects the request; the signal's reason.
   */
  async fetchReports(
    hashedAdvKeys: readonly string[],
    beforeAttempt: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<AnsweredReport[]> {
    try {
      return await this.policy.execute(async () => {
        await sleep(await this.reserveCall(), undefined, { signal });
        await beforeAttempt();
        return await this.endpoint.fetchReports(hashedAdvKeys, signal);
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
