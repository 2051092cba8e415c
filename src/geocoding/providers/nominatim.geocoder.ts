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
  /** Where it answers, without `/reverse`. */
  url: string;
  /** Who asks: the public servers refuse what does not say so. */
  userAgent: string;
  timeoutMs: number;
  /** An answer about a place further away than this is about another place. */
  maxKilometres: number;
}

/** Cities and towns, not the streets in them. */
const ZOOM = '10';
const LARGEST_ANSWER = 256 * 1024;
const FAILURES_UNTIL_OPEN = 3;
/** How long the breaker keeps it from being asked. */
export const BREAK_MS = 60_000;
const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 24 * 3_600_000;

/** Asks a server that speaks the protocol of Nominatim. Whoever calls keeps the rate. */
export class NominatimGeocoder implements ReverseGeocoder {
  readonly name = 'nominatim';
  private readonly policy: IPolicy;
  private readonly breaker;

  constructor(private readonly options: NominatimOptions) {
    // A provider that asks for a pause gets it, and works.
    this.breaker = circuitBreaker(
      handleWhen((error) => !(error instanceof GeocoderError && error.pauseMs !== undefined)),
      { halfOpenAfter: BREAK_MS, breaker: new ConsecutiveBreaker(FAILURES_UNTIL_OPEN) },
    );
    this.policy = wrap(this.breaker, timeout(options.timeoutMs, TimeoutStrategy.Aggressive));
  }

  /** Where it asks, without what may be secret. */
  get host(): string {
    return new URL(this.options.url).host;
  }

  /** @throws GeocoderError, with `pauseMs` where it is not to be asked for a while. */
  async nearestCity(latitude: number, longitude: number): Promise<City | null> {
    try {
      return await this.policy.execute(({ signal }) => this.ask(latitude, longitude, signal));
    } catch (error) {
      if (error instanceof GeocoderError && error.pauseMs !== undefined) throw error;
      const message =
        error instanceof TaskCancelledError ? `no answer in ${this.options.timeoutMs} ms` : reasonOf(error);
      const isOpen = this.breaker.state === CircuitState.Open;
      throw new GeocoderError(message, { cause: error, ...(isOpen && { pauseMs: BREAK_MS }) });
    }
  }

  private async ask(latitude: number, longitude: number, signal: AbortSignal): Promise<City | null> {
    const response = await fetch(this.address(latitude, longitude), {
      headers: { 'user-agent': this.options.userAgent, accept: 'application/json' },
      redirect: 'error', // it would be a second request, where one was allowed
      signal,
    });
    if (response.status === 429) {
      throw new GeocoderError('it answers 429: too many requests', {
        pauseMs: pauseOf(response.headers.get('retry-after')),
      });
    }
    if (!response.ok) throw new GeocoderError(`it answers ${response.status}`);
    if (!/json/.test(response.headers.get('content-type') ?? '')) {
      throw new GeocoderError('the answer is no JSON');
    }
    const asked = { latitude, longitude };
    return cityOf(parsed(await textOf(response)), asked, this.options.maxKilometres);
  }

  private address(latitude: number, longitude: number): URL {
    const url = new URL(this.options.url);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/reverse`;
    const query = { format: 'jsonv2', lat: latitude, lon: longitude, zoom: ZOOM, 'accept-language': 'en' };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    return url;
  }
}

async function textOf(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > LARGEST_ANSWER) throw new GeocoderError('the answer is too large');
  }
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GeocoderError('the answer is no JSON', { cause });
  }
}

/** `Retry-After` in milliseconds: it gives seconds, or a date. */
export function pauseOf(retryAfter: string | null, now = Date.now()): number {
  const seconds = Number(retryAfter ?? NaN);
  const asked = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(retryAfter ?? '') - now;
  if (!Number.isFinite(asked)) return BREAK_MS;
  return Math.min(Math.max(asked, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
}

/** Of what fetch throws only the cause says why; its message may hold the address, which may be secret. */
function reasonOf(error: unknown): string {
  if (error instanceof GeocoderError) return error.message;
  const cause = (error as { cause?: { code?: unknown } } | null)?.cause;
  return typeof cause?.code === 'string' ? `it cannot be reached (${cause.code})` : 'it cannot be reached';
}
