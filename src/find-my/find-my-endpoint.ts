import type { AppConfig } from '../config/app-config.js';
import { DomainError } from '../common/errors/domain-error.js';

/** One entry of an answer; nothing of it is checked yet. */
export interface AnsweredReport {
  /** Hashed key that it is of, as the endpoint says. */
  id: unknown;
  /** base64 of what a finder encrypted. */
  payload: unknown;
}

/** How far back reports are asked for: they are kept no longer upstream. */
export const WINDOW_DAYS = 7;

/** An answer of a thousand reports has about 400 kB. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/**
 * There was no answer, or none that can be read: a later try may get one. It is never an answer without reports.
 */
export class NotAnsweredError extends Error {
  override readonly name = 'NotAnsweredError';
}

/** What the endpoint will go on refusing until somebody changes the configuration. */
export class EndpointRefusedError extends DomainError {}

/**
 * A macless-haystack endpoint, which asks Apple for the reports of keys.
 *
 * It is Python's single-threaded HTTP server, with its ways: HTTP/1.0 without lengths; where Apple or its own login fails it
 * means to say 501 or 504 and closes the connection without a word; and of two reports of the same second it answers
 * one, whatever keys they are of. So keys of two trackers never go into one call.
 */
export class FindMyEndpoint {
  private readonly url: string;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly timeoutMs: number;

  /** @throws DomainError `BAD_CONFIGURATION` where no endpoint is configured. */
  constructor(config: AppConfig) {
    if (config.FIND_MY_ENDPOINT_URL === undefined) {
      throw new DomainError(
        'BAD_CONFIGURATION',
        'No source of Find My reports is configured: set FIND_MY_ENDPOINT_URL to a macless-haystack endpoint',
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

  /** Where it is, for people. */
  get name(): string {
    return new URL(this.url).host;
  }

  /**
   * Asks for the reports of some keys of the last days, once.
   *
   * @param hashedAdvKeys of one tracker.
   * @throws NotAnsweredError, EndpointRefusedError; the signal's reason when that aborts.
   */
  async ask(hashedAdvKeys: readonly string[], signal?: AbortSignal): Promise<AnsweredReport[]> {
    const deadline = AbortSignal.timeout(this.timeoutMs);
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: this.headers,
        body: JSON.stringify({ ids: hashedAdvKeys, days: WINDOW_DAYS }),
        redirect: 'manual', // the password is for this address
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
      const why = deadline.aborted ? `it took longer than ${this.timeoutMs} ms` : reasonOf(error);
      throw new NotAnsweredError(why, { cause: error });
    }
  }
}

function failureOf(status: number): Error {
  const refused = (problem: string): Error =>
    new EndpointRefusedError('BAD_CONFIGURATION', `The Find My endpoint ${problem}`);
  if (status === 401 || status === 403) {
    return refused(`does not accept FIND_MY_USER and FIND_MY_PASSWORD (it answered ${status})`);
  }
  if (status === 408 || status === 429 || status >= 500) return new NotAnsweredError(`it answered ${status}`);
  return refused(`answered ${status}: is FIND_MY_ENDPOINT_URL the address of macless-haystack?`);
}

/** Not response.text(): an answer that never ends would fill the memory before its time is up. */
async function bodyOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    length += bytes.length;
    if (length > MAX_ANSWER_BYTES)
      throw new NotAnsweredError(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The length of an answer is not said, so only its JSON tells whether it has come to its end. What an answer that was cut
 * had so far is not used: the next one has it again.
 */
function reportsOf(body: string): AnsweredReport[] {
  if (body === '') throw new NotAnsweredError('its answer is empty');
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch (cause) {
    throw new NotAnsweredError('its answer was cut, or is no JSON', { cause });
  }
  const { results, statusCode } = (answer ?? {}) as { results?: unknown; statusCode?: unknown };
  if (statusCode !== undefined && statusCode !== '200' && statusCode !== 200) {
    throw new NotAnsweredError(`Apple answered ${JSON.stringify(statusCode).slice(0, 100)}`);
  }
  if (!Array.isArray(results)) throw new NotAnsweredError('its answer has no "results"');
  return results.map((result: unknown) => {
    const { id, payload } = (result ?? {}) as { id?: unknown; payload?: unknown };
    return { id, payload };
  });
}

/** What went wrong with the connection: `fetch failed` says nothing, its cause does. */
function reasonOf(error: unknown): string {
  const { message = '', code = '' } = ((error as { cause?: unknown }).cause ?? error) as {
    message?: string;
    code?: string;
  };
  if (code === 'UND_ERR_SOCKET') return 'it closed the connection without an answer';
  return message.includes(code) ? message : `${message} (${code})`;
}
