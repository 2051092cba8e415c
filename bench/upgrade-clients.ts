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

/** Durations and failures of the clients. */
export class Measurements {
  /** Milliseconds of each operation, by kind of client. */
  readonly durations = new Map<string, number[]>();
  /** Number of failures that the product retries, by kind and message. */
  readonly retried = new Map<string, number>();
  /** Number of all other failures. */
  readonly failed = new Map<string, number>();

  add(kind: string, ms: number): void {
    const durations = this.durations.get(kind) ?? [];
    this.durations.set(kind, durations);
    durations.push(ms);
  }

  fail(kind: string, error: unknown): void {
    const { code = '', message = '' } = error as { code?: string; message?: string };
    const failures = isTransient(error) ? this.retried : this.failed;
    const key = `${kind}: ${code} ${message}`;
    failures.set(key, (failures.get(key) ?? 0) + 1);
  }
}

/** One operation of a client. */
type Operation = () => Promise<void>;

/** A tracker that clients write to or read. */
export interface BenchTracker {
  id: string;
  key: string;
}

interface Shared {
  url: string;
  measurements: Measurements;
  /** Number of committed reports above and below the horizon, by key of their tracker. */
  confirmed: { recent: Map<string, number>; late: Map<string, number> };
  horizon: number;
  /** The range that clients read. */
  from: Date;
  to: Date;
}

/** Clients of 0.1.0, each with its own connection, which stays open like in a pool. */
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
    const add = (kind: string, pauseMs: number, create: (client: pg.Client) => Operation): void => {
      this.running.push(this.loop(kind, pauseMs, create));
    };
    for (let n = 0; n < 2; n++) {
      add('INSERT of a new report', 20, (client) => insertNew(client, shared, part(written, n, 6)));
      add('INSERT of a late report', 50, (client) => insertLate(client, shared, part(written, n + 2, 6)));
      add('batch, new and late', 300, (client) => ingestBatches(client, shared, part(written, n + 4, 6)));
      add('range of a tracker', 20, (client) => readRange(client, shared, quiet));
    }
    add('latest locations', 50, (client) => readLatest(client, quiet));
    add('location_history', 50, (client) => readView(client, quiet));
    add('report count of a tracker', 20, (client) => watchCount(client, shared, written));
    add('refresher', 500, (client) => refresh(client));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  /** Repeats an operation until the clients stop, and retries it after a failure, like the product. */
  private async loop(kind: string, pauseMs: number, create: (client: pg.Client) => Operation): Promise<void> {
    const client = new pg.Client({ connectionString: this.shared.url, application_name: `bench ${kind}` });
    client.on('error', (error) => this.measurements.fail(kind, error));
    await client.connect();
    const operation = create(client);
    while (!this.stopped) {
      const startedAt = performance.now();
      await retryTransient(async () => {
        try {
          await operation();
        } catch (error) {
          this.measurements.fail(kind, error);
          await client.query('ROLLBACK');
          throw error;
        }
      }).catch(() => undefined); // recorded above
      this.measurements.add(kind, performance.now() - startedAt);
      await sleep(pauseMs * (0.5 + Math.random()));
    }
    await client.end();
  }
}

/** Part `n` of `parts` equal parts. */
const part = <T>(items: readonly T[], n: number, parts: number): T[] =>
  items.filter((_, i) => i % parts === n);

function pick<T>(items: readonly T[]): T {
  const item = items[Math.floor(Math.random() * items.length)];
  if (item === undefined) throw new Error('cannot pick from an empty list');
  return item;
}

function count(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** Returns a function that picks a time at which the tracker has no report yet. */
function unusedTimes(randomTime: () => number): (key: string) => Date {
  const used = new Set<string>();
  return (key) => {
    for (;;) {
      const at = new Date(randomTime());
      const identity = `${key} ${at.getTime()}`;
      if (used.has(identity)) continue;
      used.add(identity);
      return at;
    }
  };
}

// Odd milliseconds, because existing reports have even ones.
const recentTimes = (): ((key: string) => Date) =>
  unusedTimes(() => Math.floor((Date.now() - Math.random() * 3_600_000) / 10) * 10 + 1);
const lateTimes = ({ horizon }: Shared): ((key: string) => Date) =>
  unusedTimes(() => Math.floor((horizon - Math.random() * 200 * DAY) / 10) * 10 + 1);

function insertNew(client: pg.Client, { confirmed }: Shared, trackers: readonly BenchTracker[]): Operation {
  const next = recentTimes();
  return async () => {
    const { key } = pick(trackers);
    await client.query(S.insertReport, [key, next(key)]);
    count(confirmed.recent, key);
  };
}

function insertLate(client: pg.Client, shared: Shared, trackers: readonly BenchTracker[]): Operation {
  const next = lateTimes(shared);
  return async () => {
    const { key } = pick(trackers);
    await client.query(S.insertReport, [key, next(key)]);
    count(shared.confirmed.late, key);
  };
}

/**
 * Ingests a batch like an import: COPY to temporary tables and one function call, in one transaction. One in ten
 * reports is late, one in a hundred has an invalid latitude.
 */
function ingestBatches(client: pg.Client, shared: Shared, trackers: readonly BenchTracker[]): Operation {
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
      return { key, isLate, isInvalid: i % 100 === 1, at: isLate ? nextLate(key) : nextRecent(key) };
    });
    await client.query('BEGIN');
    await client.query('SELECT prepare_incoming_reports()');
    const rows = reports.map(
      ({ key, at, isInvalid }, i) =>
        `${i + 1}\t${key}\t${at.toISOString()}\t${isInvalid ? 95 : 50.7}\t7.1\t2\t12\t0\t\\N\tbench\n`,
    );
    await pipeline(Readable.from([rows.join('')]), client.query(copyFrom(S.copyIncoming)));
    await client.query(S.takeInBatch, [run, owner, BATCH, 0, BATCH, 100]);
    await client.query('COMMIT');
    for (const { key, isLate, isInvalid } of reports) {
      if (!isInvalid) count(isLate ? shared.confirmed.late : shared.confirmed.recent, key);
    }
  };
}

/** Reads trackers that no client writes to: every answer must be the same. */
function readRange(
  client: pg.Client,
  { from, to, measurements }: Shared,
  trackers: readonly BenchTracker[],
): Operation {
  const answers = new Map<string, string>();
  return async () => {
    const { id } = pick(trackers.slice(0, 20));
    const { rows } = await client.query<object>(S.findRange, [id, from, to, null, null, 2000]);
    const answer = JSON.stringify(rows);
    if ((answers.get(id) ?? answer) !== answer)
      measurements.fail('range of a tracker', new Error('the answer changed'));
    answers.set(id, answer);
  };
}

function readLatest(client: pg.Client, trackers: readonly BenchTracker[]): Operation {
  const ids = trackers.slice(0, 50).map(({ id }) => id);
  return async () => {
    const { rows } = await client.query(S.findLatest, [ids]);
    if (rows.length !== ids.length)
      throw new Error(`got ${rows.length} latest locations for ${ids.length} trackers`);
  };
}

function readView(client: pg.Client, trackers: readonly BenchTracker[]): Operation {
  const rowCounts = new Map<string, number>();
  return async () => {
    const { id } = pick(trackers.slice(0, 20));
    const { rowCount } = await client.query(S.readView, [id]);
    const expected = rowCounts.get(id) ?? rowCount;
    if (expected !== rowCount)
      throw new Error(`location_history has ${rowCount ?? 0} instead of ${expected ?? 0} rows`);
    rowCounts.set(id, rowCount ?? 0);
  };
}

/** Reads a tracker that clients write to: its report count must not fall. Measures how long it is too low. */
function watchCount(
  client: pg.Client,
  { measurements }: Shared,
  trackers: readonly BenchTracker[],
): Operation {
  const { key } = pick(trackers);
  let highest = 0;
  let tooLowSince = 0;
  return async () => {
    const { rows } = await client.query<{ n: string }>(
      'SELECT coalesce(sum(report_count), 0) AS n FROM history_in_hours WHERE hashed_adv_key = $1',
      [key],
    );
    const n = Number(rows[0]?.n);
    if (n < highest) tooLowSince ||= performance.now();
    else if (tooLowSince > 0) {
      measurements.add('(report count too low)', performance.now() - tooLowSince);
      tooLowSince = 0;
    }
    highest = Math.max(highest, n);
  };
}
