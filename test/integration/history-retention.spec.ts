import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import { Random } from '../support/random.js';
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

describe('closing days on the postgresql engine', () => {
  let db: TestDatabase;
  let today: Date;
  let reports: TestReport[];

  beforeEach(async () => {
    ({ db, today, reports } = await createRandomHistory('postgresql', { seed: 9, others: ['d'] }));
    await db.settle();
  });
  afterEach(() => db.drop());

  /** Inserts a report without the triggers of location_reports. */
  const insertInto = (
    partition: string,
    { key, at: moment, latitude, longitude }: TestReport,
  ): Promise<unknown> =>
    db.query(
      `INSERT INTO ${partition} (hashed_adv_key, timestamp, location)
       VALUES ($1, $2, ST_SetSRID(ST_MakePoint($4, $3), 4326))`,
      [key, moment, latitude, longitude],
    );
  const partitionOf = (moment: Date): string =>
    `location_reports_${moment.toISOString().slice(0, 10).replaceAll('-', '')}`;

  it('counts reports that were inserted directly into the partition of the day', async () => {
    // One tracker has reports of that day already, the other has none.
    const hidden = ['a', 'd'].map((key, i): TestReport => ({
      key,
      at: at(today, -9, '12:00:00.001'),
      latitude: i + 1,
      longitude: i,
    }));
    for (const report of hidden) await insertInto(partitionOf(report.at), report);
    await expectHistoryOf(db, reports); // not aggregated yet
    await keepRaw(db, 8);
    expect((await maintain(db)).daysClosed).toEqual(dayNames(today, 9, 9));
    await expectHistoryOf(db, [...reports, ...hidden]);
    expect(await ingestReports(db, [...reports, ...hidden])).toEqual({ duplicate: 602 });
  });

  it('counts late reports that were inserted directly into the default partition', async () => {
    const late: TestReport = { key: 'd', at: at(today, -20, '12:00:00'), latitude: 1, longitude: 2 };
    for (let twice = 0; twice < 2; twice++) await insertInto('location_reports_default', late);
    await insertReports(db, [{ ...late, at: at(today, -20, '13:00:00') }]);
    expect(await db.value('SELECT count(*) FROM location_reports_default')).toBe(0);
    await expectHistoryOf(db, [...reports, late, { ...late, at: at(today, -20, '13:00:00') }]);
  });

  it('drops the partition of the day, and keeps those of open days', async () => {
    await keepRaw(db, 2);
    await maintain(db);
    const partitions = await db.query<{ name: string }>(
      `SELECT relid::text AS name FROM pg_partition_tree('location_reports') WHERE isleaf ORDER BY 1`,
    );
    const open = dayNames(today, 2, -14).map((day) => `location_reports_${day.replaceAll('-', '')}`);
    expect(partitions.map(({ name }) => name)).toEqual([...open, 'location_reports_default']);
  });

  it('closes each day once when several sessions do it without the lock', async () => {
    await keepRaw(db, 2);
    const closeAll = async (): Promise<number> => {
      for (let closed = 0; ; closed++) {
        if ((await db.value('SELECT close_oldest_day()')) === null) return closed;
      }
    };
    const closed = await Promise.all([closeAll(), closeAll(), closeAll()]);
    expect(closed.reduce((a, b) => a + b)).toBe(7);
    await expectHistoryOf(db, reports);
    expect(await ingestReports(db, reports)).toEqual({ duplicate: 600 });
  });

  it('does not deadlock with writers of expiring hours', async () => {
    // Of nine days of hours, all but the last day expire while late and new reports for them arrive.
    const other = await TestDatabase.create('postgresql', {
      env: { ...LONG_RAW_RETENTION, HOURLY_RETENTION_HOURS: '216' },
    });
    try {
      for (const key of ['a', 'b', 'c']) await other.register(key);
      await insertReports(other, reports);
      const random = new Random(10);
      const inserting = [1, 2, 3].map(async () => {
        const mine: TestReport[] = [];
        for (let i = 0; i < 30; i++) {
          const some = random.reports(
            50,
            ['a', 'b', 'c'],
            at(today, -12, '00:00:00'),
            at(today, 0, '00:00:00'),
          );
          await insertReports(other, some);
          mine.push(...some);
        }
        return mine;
      });
      for (let hours = 192; hours >= 24; hours -= 24) {
        await other.query('UPDATE history_state SET hourly_retention_hours = $1', [hours]);
        await maintain(other);
      }
      const added = (await Promise.all(inserting)).flat();
      expect((await boundaries(other)).cut).toEqual(at(today, -1, '00:00:00'));
      await expectHistoryOf(other, [...reports, ...added]);
    } finally {
      await other.drop();
    }
  });
});
