import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PoolClient } from 'pg';
import { AggregatesRepository } from '../../src/aggregates/aggregates.repository.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { copyReports, dailyReports, ingestReports, insertReports } from '../support/reports.js';
import {
  DOCUMENTED_REFRESH,
  expectHistoryOf,
  historyToday,
  keepRaw,
  LONG_RAW_RETENTION,
  maintain,
} from '../support/history.js';
import { sessionWaitingForLock } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

/** Statements that write raw reports, each in a session of its own. */
const WRITERS: Record<string, (client: PoolClient, report: TestReport) => Promise<unknown>> = {
  INSERT: (client, report) => insertReports(client, [report]),
  'a simple query': (client, { key, at: moment, latitude, longitude }) =>
    client.query(
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
       VALUES ('${key}', '${moment.toISOString()}', ST_SetSRID(ST_MakePoint(${longitude}, ${latitude}), 4326))`,
    ),
  COPY: (client, report) => copyReports(client, [report]),
  'a function': (client, { key, at: moment, latitude, longitude }) =>
    client.query(`DO $$ BEGIN
      INSERT INTO location_reports (hashed_adv_key, timestamp, location)
      VALUES ('${key}', '${moment.toISOString()}', ST_SetSRID(ST_MakePoint(${longitude}, ${latitude}), 4326));
    END $$`),
};

/** Closing a day drops its raw reports while open transactions still write to it; none of their reports may be lost. */
describeOnEveryEngine('the retention trap, with transactions open', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let reports: TestReport[];
  const clients: PoolClient[] = [];

  beforeEach(async () => {
    db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
    today = await historyToday(db);
    await db.register('a');
    await db.register('b');
    reports = ['a', 'b'].flatMap((key) => dailyReports(key, today, { from: -4, to: -1, perDay: 6 }));
    await insertReports(db, reports);
    await db.settle();
    // All other days are closed; only the day that the tests close still has raw reports.
    await keepRaw(db, 4);
    await maintain(db);
    expect(await db.value('SELECT closed_before FROM history_state')).toEqual(at(today, -4, '00:00:00'));
    await keepRaw(db, 3);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) {
      await client.query('ROLLBACK');
      client.release();
    }
    await db.drop();
  });

  const connect = async (): Promise<PoolClient> => {
    const client = await db.pool.connect();
    clients.push(client);
    return client;
  };
  /** A report of the day that the tests close. */
  const late = (time: string, key = 'a'): TestReport => ({
    key,
    at: at(today, -4, time),
    latitude: 1,
    longitude: 2,
  });
  async function expectNothingLost(): Promise<void> {
    for (let i = 0; i < 2; i++) {
      await expectHistoryOf(db, reports);
      await db.query(DOCUMENTED_REFRESH);
      await maintain(db);
    }
    await expectHistoryOf(db, reports);
    expect(await db.value('SELECT count(*) FROM location_reports WHERE timestamp < history_horizon()')).toBe(
      0,
    );
  }

  it.each(Object.entries(WRITERS))('waits for an open transaction with %s into the day', async (_, write) => {
    const writer = await connect();
    await writer.query('BEGIN');
    await write(writer, late('12:34:56'));
    reports.push(late('12:34:56'));
    const maintenance = maintain(db);
    await sessionWaitingForLock(db, '%close_oldest_day%');
    await writer.query('COMMIT');
    expect((await maintenance).daysClosed).toEqual([at(today, -4, '00:00:00').toISOString().slice(0, 10)]);
    await expectNothingLost();
  });

  it('closes the day without what was rolled back', async () => {
    const writer = await connect();
    await writer.query('BEGIN');
    await insertReports(writer, [late('12:34:56')]);
    const maintenance = maintain(db);
    await sessionWaitingForLock(db, '%close_oldest_day%');
    await writer.query('ROLLBACK');
    expect((await maintenance).daysClosed).toHaveLength(1);
    await expectNothingLost();
  });

  it('merges reports of a transaction that began before the drop (READ COMMITTED)', async () => {
    const writer = await connect();
    await writer.query('BEGIN');
    await writer.query('SELECT count(*) FROM trackers');
    expect((await maintain(db)).daysClosed).toHaveLength(1);
    for (const [i, write] of Object.values(WRITERS).entries()) {
      await write(writer, late(`12:00:0${i}`));
      reports.push(late(`12:00:0${i}`));
    }
    await writer.query('COMMIT');
    await expectNothingLost();
  });

  it.each(Object.entries(WRITERS))(
    'rejects what a transaction writes with %s that saw the database before the drop (REPEATABLE READ)',
    async (_, write) => {
      const writer = await connect();
      await writer.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await writer.query('SELECT count(*) FROM trackers');
      expect((await maintain(db)).daysClosed).toHaveLength(1);
      await expect(write(writer, late('12:34:56'))).rejects.toMatchObject({ code: '40001' });
      await writer.query('ROLLBACK');
      await expectNothingLost();

      await writer.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await write(writer, late('12:34:56'));
      await writer.query('COMMIT');
      reports.push(late('12:34:56'));
      await expectNothingLost();
    },
  );

  describe.each(['COMMIT', 'ROLLBACK'])('loses nothing when closing ends with %s', (end) => {
    it.each(Object.entries(WRITERS))('ingests the reports that waited, by %s', async (_, write) => {
      const repository = new AggregatesRepository(db.dataSource);
      await repository.completeDays({ start: at(today, -4, '00:00:00'), end: at(today, -3, '00:00:00') });
      const closer = await connect();
      await closer.query('BEGIN');
      await closer.query('SELECT close_oldest_day()');
      const writer = await connect();
      const writing = write(writer, late('12:34:56'));
      await sessionWaitingForLock(db, '%location_reports%');
      await closer.query(end);
      await writing;
      reports.push(late('12:34:56'));
      await expectNothingLost();
    });

    it('ingests the reports that waited, by the import', async () => {
      const repository = new AggregatesRepository(db.dataSource);
      await repository.completeDays({ start: at(today, -4, '00:00:00'), end: at(today, -3, '00:00:00') });
      const closer = await connect();
      await closer.query('BEGIN');
      await closer.query('SELECT close_oldest_day()');
      const both = [late('12:34:56'), { ...late('12:34:56'), at: at(today, -1, '12:00:01') }];
      const ingesting = ingestReports(db, both);
      await sessionWaitingForLock(db, '%ingest_reports%');
      await closer.query(end);
      const taken = await ingesting;
      expect(taken).toEqual(end === 'COMMIT' ? { stored: 1, late: 1 } : { stored: 2 });
      reports.push(...both);
      await expectNothingLost();
    });
  });

  it.each(['COMMIT', 'ROLLBACK'])(
    'loses nothing to refreshes that run while it is closed (%s)',
    async (end) => {
      const repository = new AggregatesRepository(db.dataSource);
      await repository.completeDays({ start: at(today, -4, '00:00:00'), end: at(today, -3, '00:00:00') });
      const closer = await connect();
      await closer.query('BEGIN');
      await closer.query('SELECT close_oldest_day()');
      const refreshes = Promise.all([
        db.query(DOCUMENTED_REFRESH),
        db.aggregates.refresh(at(today, -200, '00:00:00'), at(today, 0, '00:00:00')),
      ]);
      await setTimeout(300); // on TimescaleDB they do not wait, because the day is done
      await closer.query(end);
      await refreshes;
      await expectNothingLost();
    },
  );

  it('changes nothing when a whole year is refreshed, also after days were closed', async () => {
    const year = await db.value<number>(`SELECT extract(year FROM now() AT TIME ZONE 'UTC')::int`);
    const wholeYear = [new Date(Date.UTC(year, 0, 1)), new Date(Date.UTC(year + 1, 0, 1))] as const;
    await db.aggregates.refresh(...wholeYear);
    await expectHistoryOf(db, reports);
    await keepRaw(db, 1);
    expect((await maintain(db)).daysClosed.length).toBeGreaterThanOrEqual(3);
    await insertReports(db, [late('03:00:00')]);
    reports.push(late('03:00:00'));
    await db.aggregates.refresh(...wholeYear);
    await db.aggregates.refresh(...wholeYear);
    await expectNothingLost();
  });
});
