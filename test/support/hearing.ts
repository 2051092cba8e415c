import { PgListener } from '../../src/pg-listener/pg-listener.js';
import { SingleFlight } from '../../src/pg-listener/single-flight.js';
import type { TestDatabase } from './test-database.js';

/** What the refresher does with a listener, without its poll: what it misses stays undone. */
export class Hearing {
  readonly listener: PgListener;
  /** How often it caught up after a LISTEN. */
  caughtUp = 0;
  notified: string[] = [];
  readonly said: string[] = [];
  private readonly work: SingleFlight;

  constructor(db: TestDatabase, url: string, times: { heartbeatMs?: number; answerMs?: number } = {}) {
    this.work = new SingleFlight(
      async () => {
        await db.aggregates.aggregateChanges().catch(() => this.work.poke());
      },
      () => 20,
    );
    this.listener = new PgListener({
      url,
      channel: 'refresh_location_history',
      onNotification: (payload) => {
        this.notified.push(payload);
        this.work.poke();
      },
      onListening: () => {
        this.caughtUp += 1;
        this.work.poke();
      },
      onState: (message) => this.said.push(message),
      ...times,
    });
  }

  get isListening(): boolean {
    return this.listener.state.listening;
  }

  /** The waits before each further try, in milliseconds, as it told them. */
  get waits(): number[] {
    return this.said.flatMap((line) => {
      const wait = /trying again in (\d+) ms/.exec(line)?.[1];
      return wait === undefined ? [] : [Number(wait)];
    });
  }

  async stop(): Promise<void> {
    await this.listener.stop();
    await this.work.drain();
  }
}
