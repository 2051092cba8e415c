import type { AppConfig } from '../config/app-config.js';
import { DomainError } from '../common/errors/domain-error.js';

/** One unchecked entry of an answer. */
export interface AnsweredReport {
  /** Hashed advertisement key. */
  id: unknown;
  /** The encrypted report, base64. */
  payload: unknown;
}

/** Days to request; Apple deletes older reports. */
export const WINDOW_DAYS = 7;

/** A thousand reports take about 400 kB. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** There was no usable answer; a later attempt may succeed. An answer without reports is not an error. */
export class NotAnsweredError extends Error {
  override readonly name = 'NotAnsweredError';
}

/** The endpoint rejects all requests until the configuration is changed. */
export class EndpointRefusedError extends DomainError {}

/**
 * A macless-haystack endpoint, which requests the reports of keys from Apple.
 *
 * It runs on Python's single-threaded HTTP server: HTTP/1.0 without lengths. When Apple or its own login fails, it tries to
 * answer 501 or 504 but closes the connection without a response. Of two reports of the same second it returns only one,
 * whichever keys they are for, so one call never has keys of two trackers.
 */
export class FindMyEndpoint {
  private readonly url: string;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly timeoutMs: number;

  /** @throws DomainError `BAD_CONFIGURATION` when no endpoint is configured. */
  constructor(config: AppConfig) {
    if (config.FIND_MY_ENDPOINT_URL === undefined) {
      throw new DomainError(
        'BAD_CONFIGURATION',
        'No Find My endpoint is configured: set FIND_MY_ENDPOINT_URL to the URL of a macless-haystack endpoint',
      );
    }
    this.url = config.FIND_MY_ENDPOINT_URL;
    this.timeoutMs = config.FIND_MY_TIMEOUT_MS;
    const { FIND_MY_USER: user, FIND_MY_PASSWORD: password = '' } = config;
    this.headers = {
      'content-type': 'application/json',
      ...(user !== undefined && {
        authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
      }),
    };
  }

  /** Host and port, for messages. */
  get name(): string {
    return new URL(this.url).host;
  }

  /**
   * Requests the reports of some keys in the last {@link WINDOW_DAYS} days, in one call.
   *
   * @param hashedAdvKeys keys of one tracker.
   * @throws NotAnsweredError, EndpointRefusedError; the signal's reason when aborted.
   */
  async fetchReports(hashedAdvKeys: readonly string[], signal?: AbortSignal): Promise<AnsweredReport[]> {
    const deadline = AbortSignal.timeout(this.timeoutMs);
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: this.headers,
        body: JSON.stringify({ ids: hashedAdvKeys, days: WINDOW_DAYS }),
        redirect: 'manual', // do not send the password elsewhere
        signal: signal ? AbortSignal.any([deadline, signal]) : deadline,
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw failureOf(response.status);
      }
      return reportsOf(await bodyOf(response));
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof NotAnsweredError || error instanceof EndpointRefusedError) throw error;
      const reason = deadline.aborted
        ? `the endpoint took longer than ${this.timeoutMs} ms`
        : reasonOf(error);
      throw new NotAnsweredError(reason, { cause: error });
    }
  }
}

function failureOf(status: number): Error {
  const rejected = (problem: string): Error =>
    new EndpointRefusedError('BAD_CONFIGURATION', `The Find My endpoint ${problem}`);
  if (status === 401 || status === 403) {
    return rejected(`does not accept FIND_MY_USER and FIND_MY_PASSWORD (HTTP status ${status})`);
  }
  if (status === 408 || status === 429 || status >= 500) return new NotAnsweredError(`HTTP status ${status}`);
  return rejected(`answered ${status}: is FIND_MY_ENDPOINT_URL the address of macless-haystack?`);
}

/** Reads the body up to a limit, unlike response.text(): an endless answer would fill the memory before the timeout. */
async function bodyOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    length += bytes.length;
    if (length > MAX_ANSWER_BYTES)
      throw new NotAnsweredError(`the response is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Parses an answer. It has no length, so only its JSON shows whether it is complete. A truncated answer is discarded as
 * a whole, because the next one contains the same reports.
 */
function reportsOf(body: string): AnsweredReport[] {
  if (body === '') throw new NotAnsweredError('the response is empty');
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch (cause) {
    throw new NotAnsweredError('the response is truncated or not JSON', { cause });
  }
  const { results, statusCode } = (answer ?? {}) as { results?: unknown; statusCode?: unknown };
  if (statusCode !== undefined && statusCode !== '200' && statusCode !== 200) {
    throw new NotAnsweredError(`Apple answered ${JSON.stringify(statusCode).slice(0, 100)}`);
  }
  if (!Array.isArray(results)) throw new NotAnsweredError('the response has no "results"');
  return results.map((result: unknown) => {
    const { id, payload } = (result ?? {}) as { id?: unknown; payload?: unknown };
    return { id, payload };
  });
}

/** Describes a connection error by its cause; fetch itself only says `fetch failed`. */
function reasonOf(error: unknown): string {
  const { message = '', code = '' } = ((error as { cause?: unknown }).cause ?? error) as {
    message?: string;
    code?: string;
  };
  if (code === 'UND_ERR_SOCKET') return 'the endpoint closed the connection';
  return message.includes(code) ? message : `${message} (${code})`;
}
