import { ExponentialBackoff, type IBackoff } from 'cockatiel';
import type pg from 'pg';
import { CrashSafeClient } from '../database/crash-safe-client.js';
import { dedicatedSession } from '../database/session-settings.js';

export interface PgListenerOptions {
  /** A direct address: a pooler in transaction mode drops LISTEN silently. */
  url: string;
  /** Channel to listen on; never user input. */
  channel: string;
  /** Called for every notification, with its payload. */
  onNotification: (payload: string) => void;
  /** Called after every successful LISTEN, because notifications before it may have been missed. */
  onListening: () => void;
  /** Called with a message when the connection changes, for the log. */
  onState: (message: string) => void;
  /** How often to check that the connection still listens, and how long the answer may take, in milliseconds. */
  heartbeatMs?: number;
  answerMs?: number;
}

/** Whether a listener is listening, since when, and if not, why. */
export type ListenerState = { lastNotification: Date | null } & (
  { listening: true; since: Date } | { listening: false; since: Date; reason: string }
);

const HEARTBEAT_MS = 15_000;
const ANSWER_MS = 5_000;
/** An unreachable server may never confirm that the connection is closed. */
const END_TIMEOUT_MS = 2_000;
/** From 200 ms to 30 s, with jitter: processes that lost the same server must not reconnect at once. */
const BACKOFF = new ExponentialBackoff({ initialDelay: 200, maxDelay: 30_000 });

/**
 * Listens on a channel, on a connection of its own that reconnects whenever it is lost.
 *
 * NOTIFY is only a hint, because a listener that is not connected misses it. State belongs in a table.
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

  /** Starts to listen; returns at once. */
  start(): void {
    if (this.stopped) return;
    this.connect().catch(() => undefined); // connect() handles its own failures
  }

  /** Stops for good; no callback is called after it resolves. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.setState('stopped');
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
      query_timeout: answerMs, // a connection that was cut silently neither answers nor fails
    });
    this.client = client;
    client.on('error', (error) => this.reconnect(client, error.message));
    client.on('end', () => this.reconnect(client, 'the connection ended'));
    client.on('notification', ({ payload }) => {
      this.lastNotification = new Date();
      this.options.onNotification(payload ?? '');
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    } catch (error) {
      this.reconnect(client, messageOf(error));
      return;
    }
    if (this.client !== client) return;
    this.backoff = null; // not before: a standby accepts connections and refuses LISTEN
    this.setState(null);
    this.options.onState(`listening on ${channel}`);
    this.options.onListening();
    this.scheduleHeartbeat(client);
  }

  private scheduleHeartbeat(client: pg.Client): void {
    this.timer = setTimeout(() => {
      this.heartbeat(client).catch((error: unknown) =>
        this.reconnect(client, `no answer: ${messageOf(error)}`),
      );
    }, this.options.heartbeatMs ?? HEARTBEAT_MS);
  }

  /** Checks the listening connection itself: another one may work while this one is dead. */
  private async heartbeat(client: pg.Client): Promise<void> {
    const { rowCount } = await client.query(
      'SELECT FROM pg_listening_channels() AS channel WHERE channel = $1',
      [this.options.channel],
    );
    if (this.client !== client) return;
    if (rowCount === 1) this.scheduleHeartbeat(client);
    else this.reconnect(client, 'the server does not know this listener: is there a pooler in between?');
  }

  /** Closes a connection and schedules the next one; events of older connections are ignored. */
  private reconnect(client: pg.Client, reason: string): void {
    if (this.client !== client) return;
    this.client = null;
    if (this.timer) clearTimeout(this.timer);
    void discard(client);
    this.setState(reason);
    this.backoff = this.backoff ? this.backoff.next(undefined) : BACKOFF.next();
    const wait = this.backoff.duration;
    this.options.onState(`not listening (${reason}); trying again in ${Math.round(wait)} ms`);
    this.timer = setTimeout(() => this.start(), wait);
  }

  /**
   * Keeps the time of the last change, not of the last attempt.
   *
   * @param reason why it is not listening; null if it is.
   */
  private setState(reason: string | null): void {
    const changed = (this.current.reason === null) !== (reason === null);
    this.current = { since: changed ? new Date() : this.current.since, reason };
  }
}

/** Name of a listener's session in pg_stat_activity. */
export function listenerName(channel: string): string {
  return `tracker-location-history listener ${channel}`;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}

async function discard(client: pg.Client): Promise<void> {
  client.removeAllListeners();
  client.on('error', () => undefined); // an 'error' without a listener would end the process
  const timeout = new Promise<void>((resolve) => setTimeout(resolve, END_TIMEOUT_MS).unref());
  await Promise.race([client.end().catch(() => undefined), timeout]);
}
