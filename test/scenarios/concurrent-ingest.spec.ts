import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { retryTransient } from '../../src/database/retry.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { totalOf, ingestReports, insertReports, type Ledger, sum } from '../support/reports.js';
import { Random } from '../support/random.js';
import {
  boundaries,
  dayNames,
  expectHistoryOf,
  historyToday,
  keepRaw,
  LONG_RAW_RETENTION,
  maintain,
} from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

jest.setTimeout(240_000); // a late row that is inserted by hand takes a millisecond on TimescaleDB

const CONNECTIONS = 4;

const byKeyAndTime = (a: TestReport, b: TestReport): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : a.at.getTime() - b.at.getTime();

describeOnEveryEngine('ingesting reports from several connections at once', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let random: Random;

  beforeEach(async () => {
    db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
    today = await historyToday(db);
    random = new Random(42);
  });
  afterEach(() => db.drop());

  /** A plain INSERT returns the number of rows sent, not of rows stored. */
  const insertReportsPlainly = async (db: TestDatabase, reports: readonly TestReport[]): Promise<Ledger> => {
    // TimescaleDB merges late rows one by one under a lock while it stores the others: two such statements can deadlock.
    const horizon = engine === 'timescaledb' ? (await boundaries(db)).horizon : new Date(0);
    for (const some of [reports.filter((r) => r.at >= horizon), reports.filter((r) => r.at < horizon)]) {
      await retryTransient(() => insertReports(db, some, 'ON CONFLICT DO NOTHING'));
    }
    return { given: reports.length };
  };
  const keys = (count: number): string[] => Array.from({ length: count }, (_, i) => `tracker-${i}`);
  const fourTimes = <T>(work: (connection: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => work(connection)));
  const deadlocks = async (): Promise<number> => {
    await db.query('SELECT pg_stat_force_next_flush()');
    return db.value<number>('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()');
  };
  async function registered(count: number): Promise<string[]> {
    for (const key of keys(count)) await db.register(key);
    return keys(count);
  }

  it('counts the same 10,000 late reports once', async () => {
    const late = random.reports(
      10_000,
      await registered(40),
      at(today, -30, '00:00:00'),
      at(today, -10, '00:00:00'),
    );
    const ledgers = await fourTimes(() => ingestReports(db, random.shuffle(late)));
    for (const ledger of ledgers) expect(totalOf(ledger)).toBe(10_000);
    expect(sum(ledgers)).toEqual({ late: 10_000, duplicate: 30_000 });
    await fourTimes(() => insertReports(db, late));
    await expectHistoryOf(db, late);
    expect(await deadlocks()).toBe(0);
  });

  it.each([
    ['the ingest call', ingestReports],
    ['plain INSERT', insertReportsPlainly],
  ])('counts 10,000 reports once while their day is closed: by %s', async (_, insert) => {
    // Reports of the day that is being closed and of the day before: one of the connections stores each, or merges it as late.
    const trackers = await registered(40);
    const reports = random.reports(10_000, trackers, at(today, -10, '00:00:00'), at(today, -8, '00:00:00'));
    await keepRaw(db, 8);
    let underWay: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => (underWay = resolve));
    // Where a day is refreshed before it is closed, writers that never pause can keep it from being closed.
    const closing = begun.then(() => retryTransient(() => maintain(db)));
    const ledgers = await fourTimes(async () => {
      const mine = random.shuffle(reports);
      const parts: Ledger[] = [];
      for (let i = 0; i < mine.length; i += 500) {
        parts.push(await insert(db, mine.slice(i, i + 500).sort(byKeyAndTime)));
        if (i === 2000) underWay?.();
      }
      return sum(parts);
    });

    expect((await closing).daysClosed).toEqual(dayNames(today, 9, 9));
    for (const ledger of ledgers) expect(totalOf(ledger)).toBe(10_000);
    if (insert === ingestReports) {
      const { stored = 0, late = 0, duplicate = 0 } = sum(ledgers);
      expect({ new: stored + late, duplicate }).toEqual({ new: 10_000, duplicate: 30_000 });
    }
    expect(await db.value('SELECT count(*) FROM location_reports')).toBe(0);
    await expectHistoryOf(db, reports);
    await insert(db, reports);
    await expectHistoryOf(db, reports);
    expect(await deadlocks()).toBe(0);
  });

  it('counts overlapping batches for the same trackers exactly', async () => {
    const trackers = await registered(50);
    const anyOf = (count: number): TestReport[] =>
      random.reports(count, trackers, at(today, -13, '00:00:00'), at(today, 0, '00:00:00'));
    const common = anyOf(5000);
    const batches = Array.from({ length: CONNECTIONS }, () =>
      Array.from({ length: 30 }, () =>
        [...anyOf(400), ...random.shuffle(common).slice(0, 100)].sort(byKeyAndTime),
      ),
    );
    await fourTimes(async (connection) => {
      for (const [i, batch] of (batches[connection] ?? []).entries()) {
        const insert = i % 2 === 0 ? ingestReports : insertReportsPlainly;
        expect(totalOf(await insert(db, batch))).toBe(500);
      }
    });
    await expectHistoryOf(db, batches.flat(2));
    expect(await deadlocks()).toBe(0);
  });
});
