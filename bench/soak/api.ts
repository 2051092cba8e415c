import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../test/support/random.js';

/** A stopped server answers nothing until it goes on. */
const TIMEOUT_MS = 25_000;
/** Codes that say: try again. */
const TRY_AGAIN: ReadonlySet<string> = new Set(['UNAVAILABLE', 'CONFLICT']);

/** What came of one request. */
export type Answer =
  | { kind: 'ok'; body: unknown }
  /** A documented code that a client meets by trying again. */
  | { kind: 'refused'; code: string }
  /** No answer: the connection was refused or cut, or it took too long. */
  | { kind: 'cut'; why: string }
  | { kind: 'wrong'; detail: unknown };

interface ErrorBody {
  error?: { code?: string };
  errors?: { message: string; extensions?: { code?: string } }[];
  data?: unknown;
}

/** The API servers of the deployment; each request goes to any of them. */
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
      ? { kind: 'wrong', detail: answer.body }
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
      return { kind: 'cut', why: cause?.code ?? name };
    }
    return classify(response.status, text);
  }
}

function classify(status: number, text: string): Answer {
  let body: ErrorBody;
  try {
    body = JSON.parse(text) as ErrorBody;
  } catch {
    return { kind: 'wrong', detail: { status, text: text.slice(0, 300) } };
  }
  const codes = body.errors?.map(({ extensions }) => extensions?.code) ?? [body.error?.code];
  const [code] = codes;
  if (code !== undefined && codes.every((one) => TRY_AGAIN.has(one ?? ''))) return { kind: 'refused', code };
  if (status === 200 && body.errors === undefined) return { kind: 'ok', body };
  return { kind: 'wrong', detail: { status, body } };
}

/** How long a client goes on trying; a forgotten transaction may be in the way for several minutes. */
const PATIENCE_MS = 15 * 60_000;

/**
 * Works again and again until it is acknowledged.
 *
 * @param work true once it is.
 * @throws Error when that takes longer than any fault.
 */
export async function untilAcknowledged(
  what: string,
  signal: AbortSignal,
  work: (attempt: number) => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (let attempt = 0; ; attempt++) {
    if (await work(attempt)) return;
    if (performance.now() > end) throw new Error(`${what} was never acknowledged`);
    signal.throwIfAborted();
    await sleep(200 + Math.min(attempt, 10) * 150, undefined, { signal });
  }
}
