import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { moveToTimescaledb, type MoveReport } from '../../src/migration/engine-mover.js';
import type { HistoryHealth } from '../../src/health/history-health.service.js';
import { describeOnTimescale } from '../support/engines.js';
import { at, isImprecise, type TestReport } from '../support/history-oracle.js';
import { healthOf } from '../support/services.js';
import { expectHistoryOf, historyToday, readHistory } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

describeOnTimescale('moving from the postgresql engine to timescaledb', () => {
  let db: TestDatabase;
  let reports: TestReport[];

  beforeAll(async () => {
    db = await TestDatabase.create('timescaledb', { env: { HISTORY_ENGINE: 'postgresql' } });
    const today = await historyToday(db);
    reports = [0, 1, 2, 3].flatMap((tracker) =>
      [-1, -2, -3, -9, -200].flatMap((days) =>
        ['01:00:00', '12:30:00.001', '23:59:59.999'].map((time, i) => ({
          key: `tracker ${tracker}`,
          at: at(today, days, time),
          latitude: tracker + i / 10,
          longitude: days / 2,
          ...(i === 1 && { city: `city ${days}` }),
          // Some were stored before there was a threshold, and stay precise.
          ...(i === 2 && { accuracy: 5000, imprecise: tracker < 2 }),
        })),
      ),
    );
    for (const key of new Set(reports.map((report) => report.key))) await db.register(key);
    await insertReports(db, reports.filter(isImprecise));
    await db.query('UPDATE history_state SET max_accuracy_meters = 0');
    await insertReports(
      db,
      reports.filter((report) => !isImprecise(report)),
    );
    await db.query('UPDATE history_state SET max_accuracy_meters = 1000');
    await expectHistoryOf(db, reports);
  });
  afterAll(() => db.drop());

  const move = (): Promise<MoveReport> => moveToTimescaledb({ ...db.config, HISTORY_ENGINE: 'auto' }, db.url);
  const health = (): Promise<HistoryHealth> => healthOf(db).check();

  it('changes nothing when it is interrupted', async () => {
    // The hypertable lacks this column, so copying the reports back fails near the end of the move.
    await db.query('ALTER TABLE location_reports ADD COLUMN extra text');
    await expect(move()).rejects.toThrow('column "extra" of relation "location_reports" does not exist');
    await db.query('ALTER TABLE location_reports DROP COLUMN extra');
    expect(await db.value('SELECT engine FROM history_state')).toBe('postgresql');
    await expectHistoryOf(db, reports);
  });

  it('reports that it cannot refresh after the move, and so does the health check', async () => {
    await expectHistoryOf(db, reports);
    expect((await health()).problems).toEqual([]);
    await db.administer(`
      CREATE FUNCTION refuse_refresh() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no refresh today'; END $$;
      CREATE EVENT TRIGGER refuse_refresh ON ddl_command_start WHEN TAG IN ('REFRESH MATERIALIZED VIEW')
        EXECUTE FUNCTION refuse_refresh()`);
    await expect(move()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(
        /on the timescaledb engine now, .*no refresh today.*Run move-engine again/,
      ),
    });
    expect(await db.value('SELECT engine FROM history_state')).toBe('timescaledb');
    await db.administer('DROP EVENT TRIGGER refuse_refresh; DROP FUNCTION refuse_refresh');
    expect(await health()).toMatchObject({
      viewIsStale: true,
      viewIsEmpty: true,
      problems: [expect.stringContaining('location_history is empty, though there is history')],
    });
  });

  it('completes when it is run again, and keeps every row of history', async () => {
    expect(await move()).toEqual({ moved: false, refreshed: true, reports: 0, days: 0 });
    // Nothing but the move may refresh here, so the test does not settle the database before.
    expect(await db.value('SELECT count(*) FROM location_history')).toBeGreaterThan(0);
    expect(await health()).toMatchObject({ viewIsStale: false, pendingChanges: 0, problems: [] });
    await expectHistoryOf(db, reports);
  });

  it('still knows which reports are counted, and accepts new ones', async () => {
    await insertReports(db, reports, 'ON CONFLICT DO NOTHING');
    await expectHistoryOf(db, reports);
    const today = await historyToday(db);
    const late = { key: 'tracker 1', at: at(today, -9, '13:00:00'), latitude: 9, longitude: 9 };
    const fresh = { key: 'tracker 2', at: at(today, -1, '13:00:00'), latitude: 9, longitude: 9 };
    await insertReports(db, [late, fresh]);
    await expectHistoryOf(db, [...reports, late, fresh]);
  });

  it('does nothing the second time', async () => {
    expect(await move()).toEqual({ moved: false, refreshed: false, reports: 0, days: 0 });
  });
});

describeOnTimescale('an undisturbed move', () => {
  it('keeps every row of history, also of days whose raw reports are gone', async () => {
    const db = await TestDatabase.create('timescaledb', { env: { HISTORY_ENGINE: 'postgresql' } });
    try {
      await db.register('a');
      const today = await historyToday(db);
      // None of them is a raw report, so that only the move itself can mark buckets for a refresh.
      await insertReports(db, [{ key: 'a', at: at(today, -9, '10:00:00'), latitude: 1, longitude: 2 }]);
      const before = await readHistory(db);
      const report = await moveToTimescaledb({ ...db.config, HISTORY_ENGINE: 'auto' }, db.url);
      expect(report).toEqual({ moved: true, refreshed: true, reports: 0, days: 1 });
      expect(await db.value('SELECT count(*) FROM location_history')).toBe(1);
      expect(await readHistory(db)).toEqual(before);
    } finally {
      await db.drop();
    }
  });
});
