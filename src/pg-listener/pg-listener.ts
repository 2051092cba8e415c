import { ExponentialBackoff, type IBackoff } from 'cockatiel';
import type pg from 'pg';
import { CrashSafeClient } from '../database/crash-safe-client.js';
import { dedicatedSession } from '../database/session-settings.js';

export interface PgListenerOptions {
  /** A direct connection: a pooler in transaction mode loses LISTEN without a word. */
  url: string;
  /** Channel to listen on; an identifier of ours, never input. */
  channel: string;
  /** Called at every notification, with its payload. */
  onNotification: (payload: string) => void;
  /** Called once after every successful LISTEN: anything may have been missed before it. */
  onListening: () => void;
  /** Called with what happens to the connection, for the log. */
  onState: (message: string) => void;
  /** How often the connection is asked whether it still listens, and how long it may take to answer, in milliseconds. */
  heartbeatMs?: number;
  answerMs?: number;
}

/** Whether a listener hears anything. */
export type ListenerState = { lastNotification: Date | null } & (
  | { listening: true; since: Date }
  /** Since when, and why. */
  | { listening: false; since: Date; reason: string }
);

const HEARTBEAT_MS = 15_000;
const ANSWER_MS = 5_000;
/** A peer that is gone may never answer the goodbye. */
const END_TIMEOUT_MS = 2_000;
/** From 200 ms up to half a minute, with jitter: many processes that lost the same server must not return as one. */
const BACKOFF = new ExponentialBackoff({ initialDelay: 200, maxDelay: 30_000 });

/**
 * Listens on a channel for ever: a connection of its own, made again whenever it is lost.
 *
 * NOTIFY is only a hint: who was not listening never hears of it. The state belongs into a table.
 */
export class PgListener {
  private client: pg.Client | null = null;
  private timer: NodeJS.Timeout | null = null;
  private backoff: IBackoff<unknown> | null = null;
  private stopped = false;
  private current: { since: Date; reason: string | null } = { since: new Date(), reason: 'not started' };
  private lastNotification: Date | null = null;

  constructor(private readonly options: PgListenerOptions) {}

  get state(): ListenerState {
    const { since, reason } = this.current;
    const { lastNotification } = this;
    return reason === null
      ? { listening: true, since, lastNotification }
      : { listening: false, since, reason, lastNotification };
  }

  /** Begins to listen, and returns at once. */
  start(): void {
    if (this.stopped) return;
    this.connect().catch(() => undefined); // connect() handles its own failures
  }

  /** Stops for good, whatever it is doing; nothing is called after it resolves. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.become('stopped');
    if (this.timer) clearTimeout(this.timer);
    const client = this.client;
    this.client = null;
    if (client) await discard(client);
  }

  private async connect(): Promise<void> {
    const { url, channel, answerMs = ANSWER_MS } = this.options;
    const client = new CrashSafeClient({
      connectionString: url,
      application_name: listenerName(channel),
      session: dedicatedSession(),
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      query_timeout: answerMs, // a connection that was cut off without a word answers nothing, and fails at nothing
    });
    this.client = client;
    client.on('error', (error) => this.lost(client, error.message));
    client.on('end', () => this.lost(client, 'the connection ended'));
    client.on('notification', ({ payload }) => {
      this.lastNotification = new Date();
      this.options.onNotification(payload ?? '');
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    } catch (error) {
      this.lost(client, messageOf(error));
      return;
    }
    if (this.client !== client) return;
    this.backoff = null; // only now: a standby accepts connections and refuses LISTEN
    this.become(null);
    this.options.onState(`listening on ${channel}`);
    this.options.onListening();
    this.scheduleHeartbeat(client);
  }

  private scheduleHeartbeat(client: pg.Client): void {
    this.timer = setTimeout(() => {
      this.heartbeat(client).catch((error: unknown) => this.lost(client, `no answer: ${messageOf(error)}`));
    }, this.options.heartbeatMs ?? HEARTBEAT_MS);
  }

  /** Asks on the very connection that listens: another one may be well while this one is deaf. */
  private async heartbeat(client: pg.Client): Promise<void> {
    const { rowCount } = await client.query(
      'SELECT FROM pg_listening_channels() AS channel WHERE channel = $1',
      [this.options.channel],
    );
    if (this.client !== client) return;
    if (rowCount === 1) this.scheduleHeartbeat(client);
    else this.lost(client, 'the server knows nothing of it: is there a pooler in between?');
  }

  /** The one way out of a connection; what an old connection still says is not about the present one. */
  private lost(client: pg.Client, reason: string): void {
    if (this.client !== client) return;
    this.client = null;
    if (this.timer) clearTimeout(this.timer);
    void discard(client);
    this.become(reason);
    this.backoff = this.backoff ? this.backoff.next(undefined) : BACKOFF.next();
    const wait = this.backoff.duration;
    this.options.onState(`not listening (${reason}); trying again in ${Math.round(wait)} ms`);
    this.timer = setTimeout(() => this.start(), wait);
  }

  /** @param reason why it does not listen; null where it does. The time is that of the change, not of the last try. */
  private become(reason: string | null): void {
    const changed = (this.current.reason === null) !== (reason === null);
    this.current = { since: changed ? new Date() : this.current.since, reason };
  }
}

/** How the session of a listener is named in pg_stat_activity. */
export function listenerName(channel: string): string {
  return `tracker-location-history listener ${channel}`;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}

async function discard(client: pg.Client): Promise<void> {
  client.removeAllListeners();
  client.on('error', () => undefined); // an 'error' that nobody listens to would end the process
  const timeout = new Promise<void>((resolve) => setTimeout(resolve, END_TIMEOUT_MS).unref());
  await Promise.race([client.end().catch(() => undefined), timeout]);
}
