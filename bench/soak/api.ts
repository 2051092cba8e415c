import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../test/support/random.js';

/** Longer than a fault pauses a server. */
const TIMEOUT_MS = 25_000;
/** Error codes after which a client retries. */
const RETRYABLE: ReadonlySet<string> = new Set(['UNAVAILABLE', 'CONFLICT']);

/** The result of one request. */
export type Answer =
  | { kind: 'ok'; body: unknown }
  | { kind: 'retryable'; code: string }
  /** The connection was refused or lost, or the request timed out. */
  | { kind: 'noAnswer'; reason: string }
  | { kind: 'unexpected'; detail: unknown };

interface ErrorBody {
  error?: { code?: string };
  errors?: { message: string; extensions?: { code?: string } }[];
  data?: unknown;
}

/** Client of the API servers; sends each request to a random one. */
export class Api {
  constructor(
    readonly addresses: readonly string[],
    private readonly token: string,
  ) {}

  async query(random: Random, query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
    const answer = await this.post(random, '/graphql', JSON.stringify({ query, variables }), {
      'content-type': 'application/json',
    });
    if (answer.kind !== 'ok') return answer;
    const { data } = answer.body as ErrorBody;
    return data === null || data === undefined
      ? { kind: 'unexpected', detail: answer.body }
      : { kind: 'ok', body: data };
  }

  importReports(random: Random, path: string, body: string): Promise<Answer> {
    return this.post(random, `/import/${path}`, body, {
      'content-type': 'application/x-ndjson',
      authorization: `Bearer ${this.token}`,
    });
  }

  private async post(
    random: Random,
    path: string,
    body: string,
    headers: Record<string, string>,
  ): Promise<Answer> {
    let response: Response;
    let text: string;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      response = await fetch(`${random.pick(this.addresses)}${path}`, {
        method: 'POST',
        headers,
        body,
        signal,
      });
      text = await response.text();
    } catch (error) {
      const { cause, name } = error as { cause?: { code?: string }; name: string };
      return { kind: 'noAnswer', reason: cause?.code ?? name };
    }
    return classify(response.status, text);
  }
}

function classify(status: number, text: string): Answer {
  let body: ErrorBody;
  try {
    body = JSON.parse(text) as ErrorBody;
  } catch {
    return { kind: 'unexpected', detail: { status, text: text.slice(0, 300) } };
  }
  const codes = body.errors?.map(({ extensions }) => extensions?.code) ?? [body.error?.code];
  const [code] = codes;
  if (code !== undefined && codes.every((one) => RETRYABLE.has(one ?? '')))
    return { kind: 'retryable', code };
  if (status === 200 && body.errors === undefined) return { kind: 'ok', body };
  return { kind: 'unexpected', detail: { status, body } };
}

/** How long a client retries. A transaction that was left open may block it for several minutes. */
const RETRY_MS = 15 * 60_000;

/**
 * Repeats a request until it is acknowledged.
 *
 * @param send returns whether it was acknowledged.
 * @throws Error after {@link RETRY_MS}, which is longer than any fault.
 */
export async function untilAcknowledged(
  name: string,
  signal: AbortSignal,
  send: (attempt: number) => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + RETRY_MS;
  for (let attempt = 0; ; attempt++) {
    if (await send(attempt)) return;
    if (performance.now() > end) throw new Error(`${name} was never acknowledged`);
    signal.throwIfAborted();
    await sleep(200 + Math.min(attempt, 10) * 150, undefined, { signal });
  }
}
