import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Random } from '../../test/support/random.js';
import type { Scene } from './clients.js';
import { textOf } from './record.js';
import type { LiveLog } from './writers.js';

const SUBSCRIBERS = 100;
/** A stopped server takes connections and answers nothing. */
const CONNECT_MS = 10_000;
const SUBSCRIPTION = `subscription ($ids: [ID!]!, $since: DateTime) {
  locationUpdated(trackerIds: $ids, since: $since) { trackerId timestamp } }`;

class ImpatientWebSocket extends WebSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols, { handshakeTimeout: CONNECT_MS });
  }
}

/** A client that follows one tracker, and comes back with the time of its last update whenever it is cut. */
export class Subscriber {
  /** How many of the tracker's reports it has seen; they have to come in their order, each once. */
  seen = 0;
  private stopped = false;
  private stopNow: () => void = () => undefined;

  constructor(
    private readonly scene: Scene,
    private readonly log: LiveLog,
    private readonly begun: Date,
    private readonly random: Random,
  ) {}

  get isBehind(): boolean {
    return this.seen < this.log.sent.length;
  }

  describe(): string {
    return `${this.log.tracker.name}: ${this.seen} of ${this.log.sent.length}`;
  }

  async run(): Promise<void> {
    for (let connections = 0; !this.stopped; connections++) {
      if (connections > 0) {
        this.scene.record.count('reconnects');
        await sleep(300 + this.random.int(1500), undefined, { signal: this.scene.signal });
      }
      await this.follow();
    }
  }

  stop(): void {
    this.stopped = true;
    this.stopNow();
  }

  /** Until the connection or the subscription ends. */
  private async follow(): Promise<void> {
    const { record, api } = this.scene;
    const client = createClient({
      url: `${this.random.pick(api.addresses).replace('http', 'ws')}/graphql`,
      webSocketImpl: ImpatientWebSocket,
      retryAttempts: 0,
      connectionAckWaitTimeout: CONNECT_MS,
    });
    const newest = this.log.sent[this.seen - 1];
    const since = newest === undefined ? this.begun : new Date(newest);
    await new Promise<void>((resolve) => {
      this.stopNow = resolve;
      client.subscribe<{ locationUpdated: { timestamp: string } }>(
        { query: SUBSCRIPTION, variables: { ids: [this.log.tracker.id], since: since.toISOString() } },
        {
          next: ({ data, errors }) => {
            if (data) this.take(Date.parse(data.locationUpdated.timestamp));
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
    // It waits for an answer of the server, which may be stopped.
    await Promise.race([Promise.resolve(client.dispose()), sleep(1000)]);
    client.terminate();
  }

  private take(at: number): void {
    const { sent, tracker } = this.log;
    const { record } = this.scene;
    record.count('updates');
    if (sent[this.seen] === at) {
      this.seen++;
      return;
    }
    const place = sent.lastIndexOf(at);
    const what = place < 0 ? 'was never sent' : place < this.seen ? 'came again' : 'came before others';
    record.fail(`an update ${what}`, { tracker: tracker.name, at: new Date(at), place, seen: this.seen });
    if (place >= this.seen) this.seen = place + 1;
  }

  /** What cuts a connection is an event of the socket; what the server refuses has a code. */
  private onErrors(errors: readonly unknown[]): void {
    for (const error of errors) {
      const { extensions, code } = error as { extensions?: { code?: string }; code?: unknown };
      if (extensions === undefined) this.scene.record.count(`subscriptions cut: ${closeCode(code, error)}`);
      else if (extensions.code === 'UNAVAILABLE' || extensions.code === 'CONFLICT')
        this.scene.record.count(`subscriptions cut: ${extensions.code}`);
      else this.scene.record.fail('a subscription was refused', error);
    }
  }
}

function closeCode(code: unknown, error: unknown): string {
  if (typeof code === 'number' || typeof code === 'string') return String(code);
  const { message } = error as { message?: string };
  return message ?? textOf(error);
}

export function makeSubscribers(scene: Scene, live: readonly LiveLog[], begun: Date): Subscriber[] {
  return Array.from(
    { length: SUBSCRIBERS },
    (_, n) => new Subscriber(scene, live[n % live.length] as LiveLog, begun, scene.maker(200 + n).random),
  );
}
