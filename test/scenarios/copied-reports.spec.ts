import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { withClient } from '../support/servers/database-servers.js';
import { describeOnEveryEngine, describeOnTimescale } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import {
  dayNames,
  expectHistoryOf,
  historyToday,
  keepRaw,
  LONG_RAW_RETENTION,
  maintain,
} from '../support/history.js';
import { copyReports, insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

/** Days whose aggregates were refreshed while they were empty: TimescaleDB then recomputes only what its change log names. */
describeOnEveryEngine('reports copied into a day that was refreshed before', (engine) => {
  let db: TestDatabase;
  let today: Date;

  beforeEach(async () => {
    db = await TestDatabase.create(engine);
    today = await historyToday(db);
    await db.register('a');
    await db.aggregates.refresh(at(today, -7, '00:00:00'), new Date(today.getTime() + 24 * 3_600_000));
  });
  afterEach(() => db.drop());

  const report = (days: number, time: string): TestReport => ({
    key: 'a',
    at: at(today, days, time),
    latitude: 1,
    longitude: 2,
  });
  /** Copies the reports on a new connection, after the statements of `before`, and commits. */
  function copy(reports: readonly TestReport[], ...before: string[]): Promise<void> {
    return withClient(db.url, async (client) => {
      for (const statement of before) await client.query(statement);
      await copyReports(client, reports);
      await client.query('COMMIT');
    });
  }

  it('are in history when they are the first of their days', async () => {
    const reports = [report(-1, '10:00:00'), report(-1, '11:00:00'), report(0, '00:00:00')];
    await copy(reports);
    await expectHistoryOf(db, reports);
  });

  it('are in history with another date style and a time zone whose abbreviation (IST) is ambiguous', async () => {
    const first = report(-1, '09:00:00');
    await insertReports(db, [first]);
    await db.settle();
    const copied = [report(-1, '10:00:00'), report(-1, '12:00:00')];
    await copy(copied, "SET timezone = 'Asia/Kolkata'", "SET datestyle = 'SQL, DMY'");
    await expectHistoryOf(db, [first, ...copied]);
  });

  it('are in history after an INSERT in the same transaction', async () => {
    const copied = [report(-1, '10:00:00'), report(0, '00:00:00')];
    const inserted = report(-1, '08:00:00');
    await copy(
      copied,
      'BEGIN',
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
       VALUES ('a', '${inserted.at.toISOString()}', ST_SetSRID(ST_MakePoint(2, 1), 4326))`,
    );
    await expectHistoryOf(db, [inserted, ...copied]);
  });
});

describeOnTimescale('a day with reports that the change log does not name', () => {
  it('is closed only once they are logged', async () => {
    const db = await TestDatabase.create('timescaledb', { env: LONG_RAW_RETENTION });
    const today = await historyToday(db);
    await db.register('a');
    const reports = ['01:00:00', '23:00:00'].map((time) => ({
      key: 'a',
      at: at(today, -4, time),
      latitude: 1,
      longitude: 2,
    }));
    await db.aggregates.refresh(at(today, -12, '00:00:00'), new Date(today.getTime() + 24 * 3_600_000));
    await db.query('ALTER TABLE location_reports DISABLE TRIGGER log_new_reports');
    await withClient(db.url, (client) => copyReports(client, reports));
    await db.query('ALTER TABLE location_reports ENABLE TRIGGER log_new_reports');
    await db.settle();
    await keepRaw(db, 2);

    const close = async (): Promise<unknown> => db.value('SELECT close_oldest_day()');
    const [day] = dayNames(today, 4, 4);
    for (let closed = await close(); (closed as Date) < at(today, -5, '00:00:00'); closed = await close());
    await expect(close()).rejects.toThrow(`the daily history of ${day} has a different number of reports`);
    await db.query('UPDATE location_reports SET received_at = received_at');
    await db.settle();
    await maintain(db);
    await expectHistoryOf(db, reports);
    await db.drop();
  });
});
