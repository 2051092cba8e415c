import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  type IPolicy,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import { type City, GeocoderError, type ReverseGeocoder } from '../reverse-geocoder.js';
import { cityOf } from './nominatim-answer.js';

export interface NominatimOptions {
  /** Base URL, without `/reverse`. */
  url: string;
  /** Identifies this deployment; the public servers require it. */
  userAgent: string;
  timeoutMs: number;
  /** Maximum distance between the answer and the queried position. */
  maxKilometres: number;
}

/** Zoom level of cities and towns. */
const ZOOM = '10';
const MAX_ANSWER_LENGTH = 256 * 1024;
const FAILURES_TO_OPEN = 3;
/** How long the circuit breaker stays open. */
export const BREAK_MS = 60_000;
const MIN_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 24 * 3_600_000;

/** Client of a server with the API of Nominatim. The caller limits the rate. */
export class NominatimGeocoder implements ReverseGeocoder {
  readonly name = 'nominatim';
  private readonly policy: IPolicy;
  private readonly breaker;

  constructor(private readonly options: NominatimOptions) {
    // A request for a pause does not count as a failure: the provider is healthy.
    this.breaker = circuitBreaker(
      handleWhen((error) => !(error instanceof GeocoderError && error.pauseMs !== undefined)),
      { halfOpenAfter: BREAK_MS, breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN) },
    );
    this.policy = wrap(this.breaker, timeout(options.timeoutMs, TimeoutStrategy.Aggressive));
  }

  /** Host of the server, without the parts of the URL that may be secret. */
  get host(): string {
    return new URL(this.options.url).host;
  }

  /** @throws GeocoderError, with `pauseMs` when the caller must pause. */
  async nearestCity(latitude: number, longitude: number): Promise<City | null> {
    try {
      return await this.policy.execute(({ signal }) => this.ask(latitude, longitude, signal));
    } catch (error) {
      if (error instanceof GeocoderError && error.pauseMs !== undefined) throw error;
      const message =
        error instanceof TaskCancelledError
          ? `no answer in ${this.options.timeoutMs} ms`
          : describeFetchError(error);
      const isOpen = this.breaker.state === CircuitState.Open;
      throw new GeocoderError(message, { cause: error, ...(isOpen && { pauseMs: BREAK_MS }) });
    }
  }

  private async ask(latitude: number, longitude: number, signal: AbortSignal): Promise<City | null> {
    const response = await fetch(this.requestUrl(latitude, longitude), {
      headers: { 'user-agent': this.options.userAgent, accept: 'application/json' },
      redirect: 'error', // following it would be a second request, which the rate limit forbids
      signal,
    });
    if (response.status === 429) {
      throw new GeocoderError('HTTP 429: too many requests', {
        pauseMs: parseRetryAfter(response.headers.get('retry-after')),
      });
    }
    if (!response.ok) throw new GeocoderError(`HTTP ${response.status}`);
    if (!/json/.test(response.headers.get('content-type') ?? '')) {
      throw new GeocoderError('the answer is not JSON');
    }
    const queried = { latitude, longitude };
    return cityOf(parseJson(await readText(response)), queried, this.options.maxKilometres);
  }

  private requestUrl(latitude: number, longitude: number): URL {
    const url = new URL(this.options.url);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/reverse`;
    const query = { format: 'jsonv2', lat: latitude, lon: longitude, zoom: ZOOM, 'accept-language': 'en' };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    return url;
  }
}

async function readText(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > MAX_ANSWER_LENGTH) throw new GeocoderError('the answer is too large');
  }
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GeocoderError('the answer is not JSON', { cause });
  }
}

/** Parses a `Retry-After` header (seconds or a date) to a bounded time in milliseconds; BREAK_MS if it is invalid. */
export function parseRetryAfter(retryAfter: string | null, now = Date.now()): number {
  const seconds = Number(retryAfter ?? NaN);
  const pause = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(retryAfter ?? '') - now;
  if (!Number.isFinite(pause)) return BREAK_MS;
  return Math.min(Math.max(pause, MIN_PAUSE_MS), MAX_PAUSE_MS);
}

/** Returns only the error code: the message of fetch may contain the URL, which may be secret. */
function describeFetchError(error: unknown): string {
  if (error instanceof GeocoderError) return error.message;
  const cause = (error as { cause?: { code?: unknown } } | null)?.cause;
  return typeof cause?.code === 'string' ? `cannot be reached (${cause.code})` : 'cannot be reached';
}
