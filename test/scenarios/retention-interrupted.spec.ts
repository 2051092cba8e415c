import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { PoolClient } from 'pg';
import { AggregatesRepository } from '../../src/aggregates/aggregates.repository.js';
import { AggregatesService } from '../../src/aggregates/aggregates.service.js';
import { createDataSource } from '../../src/database/data-source.js';
import { clockOf, locksOf } from '../support/services.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports } from '../support/reports.js';
import {
  boundaries,
  dayNames,
  expectHistoryOf,
  createRandomHistory,
  keepRaw,
  maintain,
} from '../support/history.js';
import { sessionWaitingForLock } from '../support/waiting.js';
import { runMaintenance, TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('interrupted maintenance', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let reports: TestReport[];

  beforeEach(async () => {
    ({ db, today, reports } = await createRandomHistory(engine, { seed: 8 }));
    await db.settle();
    await keepRaw(db, 2);
  });
  afterEach(() => db.drop());

  /** Runs work while a session holds the locks of a statement, and rolls the statement back afterwards. */
  async function whileHeld<T>(sql: string, work: (held: PoolClient) => Promise<T>): Promise<T> {
    const client = await db.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(sql);
      return await work(client);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  }

  it('runs in one process at a time', async () => {
    const others = await Promise.all([1, 2].map(() => createDataSource(db.config, db.url).initialize()));
    try {
      const runs = [
        () => db.maintain(),
        ...others.map((other) => {
          const locks = locksOf(other);
          return () =>
            runMaintenance(
              new AggregatesService(new AggregatesRepository(other), locks, clockOf(other)),
              locks,
            );
        }),
      ];
      const closedDays: string[] = [];
      while (closedDays.length < 7) {
        const done = await Promise.all(runs.map((run) => run()));
        closedDays.push(...done.flatMap((report) => report?.daysClosed ?? []));
      }
      expect(closedDays).toEqual(dayNames(today, 9, 3));
      await expectHistoryOf(db, reports);
    } finally {
      for (const other of others) await other.destroy();
    }
  });

  it.each([
    [
      'while it waits for a writer',
      (day: string) => `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
        VALUES ('a', '${day}T12:00:00.001Z', ST_SetSRID(ST_MakePoint(1, 2), 4326))`,
    ],
    [
      'in the middle of a day that it has locked',
      (day: string) => `INSERT INTO report_identities VALUES ('b', '${day}T00:00:00Z', '{}')`,
    ],
  ])('completes with the next run after it was killed %s', async (_, statement) => {
    // The third of seven days fails: the two before it are closed and stay closed.
    const [, , third = ''] = dayNames(today, 9, 3);
    await whileHeld(statement(third), async () => {
      const killed = expect(maintain(db)).rejects.toThrow(/terminat/i);
      await db.value('SELECT pg_terminate_backend($1)', [
        await sessionWaitingForLock(db, '%close_oldest_day%'),
      ]);
      await killed;
      const { horizon } = await boundaries(db);
      expect(horizon <= at(today, -7, '00:00:00')).toBe(true);
      expect(await db.value('SELECT count(*) FROM location_reports WHERE timestamp >= $1', [horizon])).toBe(
        reports.filter((report) => report.at >= horizon).length,
      );
    });
    await expectHistoryOf(db, reports);
    expect((await maintain(db)).daysClosed.at(-1)).toBe(dayNames(today, 3, 3)[0]);
    await expectHistoryOf(db, reports);
    expect(await ingestReports(db, reports)).toEqual({ duplicate: 600 });
    await expectHistoryOf(db, reports);
  });
});
