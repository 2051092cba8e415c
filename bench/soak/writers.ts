import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { DomainError } from '../../src/common/errors/domain-error.js';
import { isTransient, toDomainError } from '../../src/common/errors/pg-errors.js';
import { connectTo } from '../../test/support/servers/database-servers.js';
import type { TestReport } from '../../test/support/history-oracle.js';
import { insertReports } from '../../test/support/reports.js';
import { untilAcknowledged } from './api.js';
import type { Scene } from './clients.js';
import type { SoakTracker } from './reports.js';

const WRITERS = 8;
const LARGEST_BATCH = 60;
/** About ten thousand reports a minute of all writers: the oracle has to hold those of an hour. */
const PAUSE_MS = 1500;
const STATEMENT_TIMEOUT_MS = 60_000;

/** Reports of a tracker that are sent in the order of their times: what its subscribers see. */
export interface LiveLog {
  tracker: SoakTracker;
  /** Their times; also of what is not acknowledged yet. */
  sent: number[];
}

/** Starts the clients that INSERT, half of them through pgbouncer; they end when the soak is over. */
export function startWriters(scene: Scene, live: readonly LiveLog[]): Promise<void>[] {
  return Array.from({ length: WRITERS }, (_, n) =>
    new Writer(
      scene,
      n,
      live.filter((_log, i) => i % WRITERS === n),
    ).run(),
  );
}

class Writer {
  private client: pg.Client | null = null;
  private readonly maker;

  constructor(
    private readonly scene: Scene,
    private readonly number: number,
    private readonly live: readonly LiveLog[],
  ) {
    this.maker = scene.maker(number);
  }

  async run(): Promise<void> {
    const { random } = this.maker;
    while (!this.scene.isOver()) {
      const fresh = this.maker.reports(1 + random.int(LARGEST_BATCH), this.scene.fleet.written);
      await this.write(fresh, this.known());
      for (const log of this.live) {
        const report = this.maker.liveReport(log.tracker);
        log.sent.push(report.at.getTime());
        await this.write([report], []);
      }
      await sleep(PAUSE_MS * (0.5 + random.next()), undefined, { signal: this.scene.signal });
    }
    await this.client?.end().catch(() => undefined);
  }

  /** Now and then some that were acknowledged before, to whomever. */
  private known(): TestReport[] {
    const { random } = this.maker;
    const { acknowledged } = this.scene.record;
    if (acknowledged.length === 0 || !random.oneIn(4)) return [];
    return Array.from({ length: 1 + random.int(3) }, () => random.pick(acknowledged));
  }

  private async write(fresh: readonly TestReport[], known: readonly TestReport[]): Promise<void> {
    const { record, signal } = this.scene;
    const reports = [...new Set([...fresh, ...known])];
    await untilAcknowledged('an INSERT', signal, async (attempt) => {
      try {
        this.client ??= await this.connect();
        // What was sent before may be committed, though nobody said so.
        const isPlain = attempt === 0 && known.length === 0;
        await insertReports(this.client, reports, isPlain ? '' : 'ON CONFLICT DO NOTHING');
        record.acknowledge(reports);
        record.count('reports written', reports.length);
        return true;
      } catch (error) {
        this.onError(error);
        return false;
      }
    });
  }

  private async connect(): Promise<pg.Client> {
    const { servers } = this.scene;
    const url = new URL(this.number % 2 === 0 ? servers.directUrl : servers.bouncer.url);
    url.searchParams.set('application_name', 'soak writer');
    url.searchParams.set('query_timeout', String(STATEMENT_TIMEOUT_MS));
    return connectTo(url.href);
  }

  private onError(error: unknown): void {
    const { record } = this.scene;
    record.count('INSERTs that were sent again');
    if (isTransient(error)) return;
    const client = this.client;
    this.client = null;
    void client?.end().catch(() => undefined);
    if (!isOfConnection(error)) record.fail('an INSERT was refused', error);
  }
}

/** pgbouncer says in its own words that it is on its way out, or that the server is gone. */
const OF_POOLER =
  /pgbouncer|invalid server parameter|server (conn|login)|query_wait_timeout|Query read timeout|timeout expired/i;

function isOfConnection(error: unknown): boolean {
  return toDomainError(error) instanceof DomainError || OF_POOLER.test(String(error));
}
