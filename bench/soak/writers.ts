import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { DomainError } from '../../src/common/errors/domain-error.js';
import { isTransient, toDomainError } from '../../src/common/errors/pg-errors.js';
import { connectTo } from '../../test/support/servers/database-servers.js';
import type { TestReport } from '../../test/support/history-oracle.js';
import { insertReports } from '../../test/support/reports.js';
import { untilAcknowledged } from './api.js';
import type { SoakContext } from './context.js';
import type { SoakTracker } from './reports.js';

const WRITERS = 8;
const LARGEST_BATCH = 60;
/** All writers together send about ten thousand reports per minute; the oracle keeps all of them in memory. */
const PAUSE_MS = 1500;
const STATEMENT_TIMEOUT_MS = 60_000;

/** The reports of a tracker that are sent in time order, as its subscribers must receive them. */
export interface LiveLog {
  tracker: SoakTracker;
  /** Times of all reports, including unacknowledged ones. */
  sent: number[];
}

/** Starts the clients that INSERT reports, half of them through pgbouncer; they end when the soak is over. */
export function startWriters(context: SoakContext, live: readonly LiveLog[]): Promise<void>[] {
  return Array.from({ length: WRITERS }, (_, n) =>
    new Writer(
      context,
      n,
      live.filter((_log, i) => i % WRITERS === n),
    ).run(),
  );
}

class Writer {
  private client: pg.Client | null = null;
  private readonly maker;

  constructor(
    private readonly context: SoakContext,
    private readonly number: number,
    private readonly live: readonly LiveLog[],
  ) {
    this.maker = context.reportMaker(number);
  }

  async run(): Promise<void> {
    const { random } = this.maker;
    while (!this.context.isOver()) {
      const fresh = this.maker.reports(1 + random.int(LARGEST_BATCH), this.context.fleet.written);
      await this.write(fresh, this.known());
      for (const log of this.live) {
        const report = this.maker.liveReport(log.tracker);
        log.sent.push(report.at.getTime());
        await this.write([report], []);
      }
      await sleep(PAUSE_MS * (0.5 + random.next()), undefined, { signal: this.context.signal });
    }
    await this.client?.end().catch(() => undefined);
  }

  /** Sometimes returns a few reports that were acknowledged before, to any client. */
  private known(): TestReport[] {
    const { random } = this.maker;
    const { acknowledged } = this.context.record;
    if (acknowledged.length === 0 || !random.oneIn(4)) return [];
    return Array.from({ length: 1 + random.int(3) }, () => random.pick(acknowledged));
  }

  private async write(fresh: readonly TestReport[], known: readonly TestReport[]): Promise<void> {
    const { record, signal } = this.context;
    const reports = [...new Set([...fresh, ...known])];
    await untilAcknowledged('an INSERT', signal, async (attempt) => {
      try {
        this.client ??= await this.connect();
        // An earlier attempt may be committed although it was not acknowledged.
        const allNew = attempt === 0 && known.length === 0;
        await insertReports(this.client, reports, allNew ? '' : 'ON CONFLICT DO NOTHING');
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
    const { servers } = this.context;
    const url = new URL(this.number % 2 === 0 ? servers.directUrl : servers.bouncer.url);
    url.searchParams.set('application_name', 'soak writer');
    url.searchParams.set('query_timeout', String(STATEMENT_TIMEOUT_MS));
    return connectTo(url.href);
  }

  private onError(error: unknown): void {
    const { record } = this.context;
    record.count('retried INSERTs');
    if (isTransient(error)) return;
    const client = this.client;
    this.client = null;
    void client?.end().catch(() => undefined);
    if (!isConnectionError(error)) record.fail('an INSERT failed', error);
  }
}

/** Messages of pgbouncer and the driver for a lost connection, which have no standard error code. */
const CONNECTION_LOST =
  /pgbouncer|invalid server parameter|server (conn|login)|query_wait_timeout|Query read timeout|timeout expired/i;

function isConnectionError(error: unknown): boolean {
  return toDomainError(error) instanceof DomainError || CONNECTION_LOST.test(String(error));
}
