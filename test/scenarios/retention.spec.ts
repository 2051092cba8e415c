import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import {
  boundaries,
  dayNames,
  expectHistoryOf,
  createRandomHistory,
  keepRaw,
  LONG_RAW_RETENTION,
  maintain,
} from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('retention', (engine) => {
  let db: TestDatabase;
  let today: Date;
  /** Reports of every day from before the horizon to yesterday. */
  let reports: TestReport[];

  beforeEach(async () => {
    ({ db, today, reports } = await createRandomHistory(engine, { seed: 7 }));
  });
  afterEach(() => db.drop());

  it('closes due days, one after the other, and changes no history', async () => {
    await expectHistoryOf(db, reports);
    const before = await boundaries(db);
    expect(before.horizon).toEqual(at(today, -9, '00:00:00'));
    await keepRaw(db, 2);
    expect((await maintain(db)).daysClosed).toEqual(dayNames(today, 9, 3));
    expect(await boundaries(db)).toEqual({
      horizon: at(today, -2, '00:00:00'),
      cut: at(today, -1, '00:00:00'),
    });
    await expectHistoryOf(db, reports);
    expect(await db.value('SELECT min(timestamp) >= history_horizon() FROM location_reports')).toBe(true);
    expect((await maintain(db)).daysClosed).toEqual([]);
    await expectHistoryOf(db, reports);
  });

  it('shows expired hours as days', async () => {
    const other = await TestDatabase.create(engine, {
      env: { ...LONG_RAW_RETENTION, HOURLY_RETENTION_HOURS: '216' },
    });
    try {
      for (const key of ['a', 'b', 'c']) await other.register(key);
      await insertReports(other, reports);
      await expectHistoryOf(other, reports);
      expect((await boundaries(other)).cut).toEqual(at(today, -9, '00:00:00'));
      await keepRaw(other, 9);
      await maintain(other);
      expect((await boundaries(other)).cut).toEqual(at(today, -1, '00:00:00'));
      expect(await other.value('SELECT min(bucket) >= history_cut() FROM location_history_hourly')).toBe(
        true,
      );
      await expectHistoryOf(other, reports);
    } finally {
      await other.drop();
    }
  });

  it('recognizes every report as a duplicate after its day was closed', async () => {
    await keepRaw(db, 2);
    await maintain(db);
    const { horizon } = await boundaries(db);
    expect(await ingestReports(db, reports)).toEqual({ duplicate: 600 });
    await insertReports(
      db,
      reports.filter((report) => report.at < horizon),
    );
    await expectHistoryOf(db, reports);
  });

  it('never moves a boundary back', async () => {
    await keepRaw(db, 2);
    await maintain(db);
    const closed = await boundaries(db);
    for (const column of ['closed_before', 'cut']) {
      await expect(
        db.query(`UPDATE history_state SET ${column} = ${column} - interval '24 hours'`),
      ).rejects.toThrow('history boundaries never move back');
    }
    await db.query('UPDATE history_state SET raw_retention_hours = 216, hourly_retention_hours = 216');
    expect((await maintain(db)).daysClosed).toEqual([]);
    expect(await boundaries(db)).toEqual(closed);
    await expectHistoryOf(db, reports);
  });

  it('deletes days and the identities of their reports at the daily retention', async () => {
    await keepRaw(db, 2);
    await maintain(db);
    await db.query('UPDATE history_state SET daily_retention_hours = 24 * 10');
    const floor = await db.value<Date>('SELECT history_floor()');
    await maintain(db);
    const kept = reports.filter((report) => report.at >= floor);
    expect(kept.length).toBeLessThan(reports.length);
    await expectHistoryOf(db, kept);
    expect(await db.value('SELECT min(day) FROM report_identities')).toEqual(floor);
    expect(await ingestReports(db, reports)).toEqual({
      duplicate: kept.length,
      older_than_retention: reports.length - kept.length,
    });
    await expectHistoryOf(db, kept);
  });

  it('gives way to a transaction that writes into the closing day, and counts its report once', async () => {
    const late: TestReport = { key: 'a', at: at(today, -9, '12:00:00.001'), latitude: 1, longitude: 2 };
    await keepRaw(db, 8);
    const writer = await db.pool.connect();
    await writer.query('BEGIN');
    await insertReports(writer, [late]);
    const closing = maintain(db);
    // Longer than closing waits for a lock: it gives up and tries again, so that nothing queues behind it.
    await db.query('SELECT pg_sleep(2.5)');
    expect((await boundaries(db)).horizon).toEqual(at(today, -9, '00:00:00'));
    await writer.query('COMMIT');
    writer.release();
    expect((await closing).daysClosed).toEqual(dayNames(today, 9, 9));
    await expectHistoryOf(db, [...reports, late]);
    expect(await ingestReports(db, [late])).toEqual({ duplicate: 1 });
  });

  it('merges what an older READ COMMITTED transaction inserts after the day was closed', async () => {
    const inClosed: TestReport = { key: 'b', at: at(today, -9, '12:00:00.001'), latitude: 1, longitude: 2 };
    const inOpen: TestReport = { key: 'b', at: at(today, -1, '12:00:00.001'), latitude: 3, longitude: 4 };
    const writer = await db.pool.connect();
    await writer.query('BEGIN');
    await writer.query('SELECT closed_before FROM history_state');
    await keepRaw(db, 2);
    await maintain(db);
    await insertReports(writer, [inClosed, inOpen]);
    await writer.query('COMMIT');
    writer.release();
    await expectHistoryOf(db, [...reports, inClosed, inOpen]);
    expect(await db.value('SELECT min(timestamp) >= history_horizon() FROM location_reports')).toBe(true);
  });

  it.each(['REPEATABLE READ', 'SERIALIZABLE'])(
    'rejects what an older %s transaction inserts after the day was closed',
    async (isolation) => {
      const late: TestReport = { key: 'b', at: at(today, -9, '12:00:00.001'), latitude: 1, longitude: 2 };
      const writer = await db.pool.connect();
      const insert = (): Promise<void> => insertReports(writer, [late]);
      await writer.query(`BEGIN ISOLATION LEVEL ${isolation}`);
      await writer.query('SELECT closed_before FROM history_state'); // takes the snapshot
      await keepRaw(db, 8);
      await maintain(db);
      await expect(insert()).rejects.toMatchObject({ code: '40001' });
      await writer.query('ROLLBACK');
      await expectHistoryOf(db, reports);

      await writer.query(`BEGIN ISOLATION LEVEL ${isolation}`);
      await insert();
      await writer.query('COMMIT');
      writer.release();
      await expectHistoryOf(db, [...reports, late]);
    },
  );
});
