import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Random } from '../../test/support/random.js';
import type { SoakContext } from './context.js';
import { textOf } from './record.js';
import type { LiveLog } from './writers.js';

const SUBSCRIBERS = 100;
/** Needed because a paused server accepts connections, but never answers. */
const CONNECT_TIMEOUT_MS = 10_000;
const SUBSCRIPTION = `subscription ($ids: [ID!]!, $since: DateTime) {
  locationUpdated(trackerIds: $ids, since: $since) { trackerId timestamp } }`;

class WebSocketWithTimeout extends WebSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols, { handshakeTimeout: CONNECT_TIMEOUT_MS });
  }
}

/** A client that subscribes to one tracker; after a disconnect it resumes from the time of its last update. */
export class Subscriber {
  /** Number of reports received; each must arrive once and in order. */
  received = 0;
  private stopped = false;
  private stopNow: () => void = () => undefined;

  constructor(
    private readonly context: SoakContext,
    private readonly log: LiveLog,
    private readonly startedAt: Date,
    private readonly random: Random,
  ) {}

  get isBehind(): boolean {
    return this.received < this.log.sent.length;
  }

  describe(): string {
    return `${this.log.tracker.name}: ${this.received} of ${this.log.sent.length}`;
  }

  async run(): Promise<void> {
    for (let connections = 0; !this.stopped; connections++) {
      if (connections > 0) {
        this.context.record.count('reconnects');
        await sleep(300 + this.random.int(1500), undefined, { signal: this.context.signal });
      }
      await this.subscribe();
    }
  }

  stop(): void {
    this.stopped = true;
    this.stopNow();
  }

  /** Receives updates until the connection or the subscription ends. */
  private async subscribe(): Promise<void> {
    const { record, api } = this.context;
    const client = createClient({
      url: `${this.random.pick(api.addresses).replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocketWithTimeout,
      retryAttempts: 0,
      connectionAckWaitTimeout: CONNECT_TIMEOUT_MS,
    });
    const newest = this.log.sent[this.received - 1];
    const since = newest === undefined ? this.startedAt : new Date(newest);
    await new Promise<void>((resolve) => {
      this.stopNow = resolve;
      client.subscribe<{ locationUpdated: { timestamp: string } }>(
        { query: SUBSCRIPTION, variables: { ids: [this.log.tracker.id], since: since.toISOString() } },
        {
          next: ({ data, errors }) => {
            if (data) this.onUpdate(Date.parse(data.locationUpdated.timestamp));
            if (errors) this.onErrors(errors);
          },
          error: (error) => {
            this.onErrors(Array.isArray(error) ? (error as unknown[]) : [error]);
            resolve();
          },
          complete: resolve,
        },
      );
    });
    record.count('subscriptions that ended');
    // dispose() waits for the server, which may be paused.
    await Promise.race([Promise.resolve(client.dispose()), sleep(1000)]);
    client.terminate();
  }

  private onUpdate(at: number): void {
    const { sent, tracker } = this.log;
    const { record } = this.context;
    record.count('updates');
    if (sent[this.received] === at) {
      this.received++;
      return;
    }
    const index = sent.lastIndexOf(at);
    const failure =
      index < 0
        ? 'of a report that was never sent'
        : index < this.received
          ? 'arrived twice'
          : 'arrived before earlier ones';
    record.fail(`an update ${failure}`, {
      tracker: tracker.name,
      at: new Date(at),
      index,
      received: this.received,
    });
    if (index >= this.received) this.received = index + 1;
  }

  /** Errors of the server have a code; all others come from the connection. */
  private onErrors(errors: readonly unknown[]): void {
    for (const error of errors) {
      const { extensions, code } = error as { extensions?: { code?: string }; code?: unknown };
      if (extensions === undefined)
        this.context.record.count(`subscriptions lost: ${closeCode(code, error)}`);
      else if (extensions.code === 'UNAVAILABLE' || extensions.code === 'CONFLICT')
        this.context.record.count(`subscriptions lost: ${extensions.code}`);
      else this.context.record.fail('a subscription failed', error);
    }
  }
}

function closeCode(code: unknown, error: unknown): string {
  if (typeof code === 'number' || typeof code === 'string') return String(code);
  const { message } = error as { message?: string };
  return message ?? textOf(error);
}

export function createSubscribers(
  context: SoakContext,
  live: readonly LiveLog[],
  startedAt: Date,
): Subscriber[] {
  return Array.from(
    { length: SUBSCRIBERS },
    (_, n) => new Subscriber(context, live[n % live.length] as LiveLog, startedAt, context.random(200 + n)),
  );
}
