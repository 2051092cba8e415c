import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { isTransient } from '../src/common/errors/pg-errors.js';
import { retryTransient } from '../src/database/retry.js';
import { refresh } from './upgrade-refresher.js';
import { STATEMENTS_010 as S } from './statements-0.1.0.js';

const DAY = 86_400_000;
const BATCH = 500;

/** What clients measured, by kind of client. */
export class Measurements {
  readonly waits = new Map<string, number[]>();
  /** Failures that the product retries by itself, and all others: how often each. */
  readonly retried = new Map<string, number>();
  readonly failed = new Map<string, number>();

  add(kind: string, ms: number): void {
    const waits = this.waits.get(kind) ?? [];
    this.waits.set(kind, waits);
    waits.push(ms);
  }

  fail(kind: string, error: unknown): void {
    const { code = '', message = '' } = error as { code?: string; message?: string };
    const failures = isTransient(error) ? this.retried : this.failed;
    const key = `${kind}: ${code} ${message}`;
    failures.set(key, (failures.get(key) ?? 0) + 1);
  }
}

/** One piece of work of a client. */
type Work = () => Promise<void>;

/** A tracker that clients write for, or read. */
export interface BenchTracker {
  id: string;
  key: string;
}

interface Shared {
  url: string;
  measurements: Measurements;
  /** What the database confirmed: reports by key of their tracker, in the horizon and below it. */
  confirmed: { recent: Map<string, number>; late: Map<string, number> };
  horizon: number;
  /** Of the readers of a range: what every answer has to be. */
  from: Date;
  to: Date;
}

/** Clients of 0.1.0, each with a connection of its own that stays open, as pools have them. */
export class Clients {
  readonly measurements = new Measurements();
  readonly confirmed: Shared['confirmed'] = { recent: new Map(), late: new Map() };
  private readonly shared: Shared;
  private readonly running: Promise<void>[] = [];
  private stopped = false;

  constructor(
    url: string,
    horizon: Date,
    private readonly written: readonly BenchTracker[],
    private readonly quiet: readonly BenchTracker[],
  ) {
    const now = Date.now();
    this.shared = {
      url,
      measurements: this.measurements,
      confirmed: this.confirmed,
      horizon: horizon.getTime(),
      from: new Date(now - 60 * DAY),
      to: new Date(now),
    };
  }

  start(): void {
    const { shared, written, quiet } = this;
    const add = (kind: string, pauseMs: number, make: (client: pg.Client) => Work): void => {
      this.running.push(this.loop(kind, pauseMs, make));
    };
    for (let n = 0; n < 2; n++) {
      add('INSERT of a new report', 20, (client) => insertNew(client, shared, part(written, n, 6)));
      add('INSERT of a late report', 50, (client) => insertLate(client, shared, part(written, n + 2, 6)));
      add('batch, new and late', 300, (client) => takeInBatches(client, shared, part(written, n + 4, 6)));
      add('range of a tracker', 20, (client) => readRange(client, shared, quiet));
    }
    add('latest locations', 50, (client) => readLatest(client, quiet));
    add('location_history', 50, (client) => readView(client, quiet));
    add('newest of a tracker', 20, (client) => watchCount(client, shared, written));
    add('refresher', 500, (client) => refresh(client));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  /** Again and again; a failure is met by another try of the same work, as the product does. */
  private async loop(kind: string, pauseMs: number, make: (client: pg.Client) => Work): Promise<void> {
    const client = new pg.Client({ connectionString: this.shared.url, application_name: `bench ${kind}` });
    client.on('error', (error) => this.measurements.fail(kind, error));
    await client.connect();
    const work = make(client);
    while (!this.stopped) {
      const begun = performance.now();
      await retryTransient(async () => {
        try {
          await work();
        } catch (error) {
          this.measurements.fail(kind, error);
          await client.query('ROLLBACK');
          throw error;
        }
      }).catch(() => undefined); // it is noted
      this.measurements.add(kind, performance.now() - begun);
      await sleep(pauseMs * (0.5 + Math.random()));
    }
    await client.end();
  }
}

const part = <T>(items: readonly T[], n: number, of: number): T[] => items.filter((_, i) => i % of === n);

function pick<T>(items: readonly T[]): T {
  const item = items[Math.floor(Math.random() * items.length)];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}

function count(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** A moment of a tracker that nothing was reported of yet. */
function unusedTimes(from: () => number): (key: string) => Date {
  const used = new Set<string>();
  return (key) => {
    for (;;) {
      const at = new Date(from());
      const name = `${key} ${at.getTime()}`;
      if (used.has(name)) continue;
      used.add(name);
      return at;
    }
  };
}

/** Odd milliseconds, of which the reports that are there have none. */
const recentTimes = (): ((key: string) => Date) =>
  unusedTimes(() => Math.floor((Date.now() - Math.random() * 3_600_000) / 10) * 10 + 1);
const lateTimes = ({ horizon }: Shared): ((key: string) => Date) =>
  unusedTimes(() => Math.floor((horizon - Math.random() * 200 * DAY) / 10) * 10 + 1);

function insertNew(client: pg.Client, { confirmed }: Shared, trackers: readonly BenchTracker[]): Work {
  const next = recentTimes();
  return async () => {
    const { key } = pick(trackers);
    await client.query(S.insertReport, [key, next(key)]);
    count(confirmed.recent, key);
  };
}

function insertLate(client: pg.Client, shared: Shared, trackers: readonly BenchTracker[]): Work {
  const next = lateTimes(shared);
  return async () => {
    const { key } = pick(trackers);
    await client.query(S.insertReport, [key, next(key)]);
    count(shared.confirmed.late, key);
  };
}

/**
 * As the import does: COPY to temporary tables, and one call, in one transaction. A tenth of the reports are late, and one in
 * a hundred is nowhere on earth.
 */
function takeInBatches(client: pg.Client, shared: Shared, trackers: readonly BenchTracker[]): Work {
  const nextRecent = recentTimes();
  const nextLate = lateTimes(shared);
  const owner = randomUUID();
  let run: string | undefined;
  return async () => {
    run ??= (
      await client.query<{ id: string }>(S.beginRun, ['file', 'bench.ndjson', 'ndjson', randomUUID(), owner])
    ).rows[0]?.id;
    const reports = Array.from({ length: BATCH }, (_, i) => {
      const { key } = pick(trackers);
      const isLate = i % 10 === 0;
      return { key, isLate, isWrong: i % 100 === 1, at: isLate ? nextLate(key) : nextRecent(key) };
    });
    await client.query('BEGIN');
    await client.query('SELECT prepare_incoming_reports()');
    const rows = reports.map(
      ({ key, at, isWrong }, i) =>
        `${i + 1}\t${key}\t${at.toISOString()}\t${isWrong ? 95 : 50.7}\t7.1\t2\t12\t0\t\\N\tbench\n`,
    );
    await pipeline(Readable.from([rows.join('')]), client.query(copyFrom(S.copyIncoming)));
    await client.query(S.takeInBatch, [run, owner, BATCH, 0, BATCH, 100]);
    await client.query('COMMIT');
    for (const { key, isLate, isWrong } of reports) {
      if (!isWrong) count(isLate ? shared.confirmed.late : shared.confirmed.recent, key);
    }
  };
}

/** Of trackers that nobody writes for: their history is the same at every moment. */
function readRange(
  client: pg.Client,
  { from, to, measurements }: Shared,
  trackers: readonly BenchTracker[],
): Work {
  const known = new Map<string, string>();
  return async () => {
    const { id } = pick(trackers.slice(0, 20));
    const { rows } = await client.query<object>(S.findRange, [id, from, to, null, null, 2000]);
    const answer = JSON.stringify(rows);
    if ((known.get(id) ?? answer) !== answer)
      measurements.fail('range of a tracker', new Error('another answer'));
    known.set(id, answer);
  };
}

function readLatest(client: pg.Client, trackers: readonly BenchTracker[]): Work {
  const ids = trackers.slice(0, 50).map(({ id }) => id);
  return async () => {
    const { rows } = await client.query(S.findLatest, [ids]);
    if (rows.length !== ids.length) throw new Error(`${rows.length} latest locations of ${ids.length}`);
  };
}

function readView(client: pg.Client, trackers: readonly BenchTracker[]): Work {
  const known = new Map<string, number>();
  return async () => {
    const { id } = pick(trackers.slice(0, 20));
    const { rowCount } = await client.query(S.readView, [id]);
    if ((known.get(id) ?? rowCount) !== rowCount)
      throw new Error(`${rowCount ?? 0} rows in location_history`);
    known.set(id, rowCount ?? 0);
  };
}

/** Of a tracker that is written for: what history has shown it goes on showing. */
function watchCount(client: pg.Client, { measurements }: Shared, trackers: readonly BenchTracker[]): Work {
  const { key } = pick(trackers);
  let most = 0;
  let behindSince = 0;
  return async () => {
    const { rows } = await client.query<{ n: string }>(
      'SELECT coalesce(sum(report_count), 0) AS n FROM history_in_hours WHERE hashed_adv_key = $1',
      [key],
    );
    const n = Number(rows[0]?.n);
    if (n < most) behindSince ||= performance.now();
    else if (behindSince > 0) {
      measurements.add('(history without what it had shown)', performance.now() - behindSince);
      behindSince = 0;
    }
    most = Math.max(most, n);
  };
}
