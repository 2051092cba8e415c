import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { AggregatesRepository } from '../../src/aggregates/aggregates.repository.js';
import { JobRunner } from '../../src/jobs/job-runner.js';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { eventually, slowDownView, viewRefreshRunning } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const BURST = 1000;
const WRITERS = 4;
const GAP_MS = 1000;

describeOnEveryEngine('the refresher of a running application', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let today: Date;
  const reports: TestReport[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: { REFRESH_MIN_GAP_MS: String(GAP_MS) } });
    today = await historyToday(db);
    await db.register('a');
    api = await Api.start(db);
    await atRest();
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Waits until no work is pending and the jobs that are due at the start have run. */
  async function atRest(): Promise<void> {
    await eventually(async () => {
      expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0);
      expect(await db.value('SELECT changes > refreshed FROM refresh_state')).toBe(false);
      expect(
        await db.query(
          `SELECT job FROM job_runs WHERE outcome = 'done' AND job IN ('aggregate_refresh', 'maintenance') ORDER BY job`,
        ),
      ).toEqual([{ job: 'aggregate_refresh' }, { job: 'maintenance' }]);
    });
  }
  async function report(): Promise<void> {
    const moment = new Date(at(today, -1, '00:00:00').getTime() + reports.length * 60_000);
    const next = { key: 'a', at: moment, latitude: reports.length / 100, longitude: 7 };
    reports.push(next);
    await insertReports(db, [next]);
  }
  const viewRefreshes = (): jest.SpiedFunction<AggregatesRepository['refreshMaterializedView']> =>
    jest.spyOn(api.app.get(AggregatesRepository), 'refreshMaterializedView');

  it(`handles a burst of ${BURST} commits in a few refreshes`, async () => {
    const changes = jest.spyOn(api.app.get(AggregatesRepository), 'completeMarkers');
    const views = viewRefreshes();
    const began = performance.now();
    await Promise.all(
      Array.from({ length: WRITERS }, async () => {
        for (let i = 0; i < BURST / WRITERS; i++) await report();
      }),
    );
    await expectHistoryOf(db, reports);
    await atRest();
    const ms = performance.now() - began;
    // At most ten times a second, and once more.
    expect(changes.mock.calls.length).toBeLessThanOrEqual(2 + ms / 100);
    expect(views.mock.calls.length).toBeLessThanOrEqual(2 + ms / GAP_MS);
    expect(await db.value('SELECT max(report_count) FROM location_history')).toBeGreaterThan(1);
  });

  it('refreshes the view once more for changes made during its refresh', async () => {
    await atRest();
    const rows = await db.value<number>('SELECT count(*) FROM location_history_view');
    await slowDownView(db, 2 / rows);
    const views = viewRefreshes();
    await report();
    await viewRefreshRunning(db);
    for (let i = 0; i < 5; i++) await report();
    await eventually(async () => expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0));
    await slowDownView(db, 0);
    await atRest();
    expect(views).toHaveBeenCalledTimes(2);
    await expectHistoryOf(db, reports);
  });

  it('finds unannounced changes in its periodic refresh, which runs at most once an hour', async () => {
    const jobs = api.app.get(JobRunner);
    const lastRefresh = await db.value<Date>('SELECT periodic_at FROM refresh_state');
    expect(lastRefresh).not.toBeNull();
    expect(await jobs.runNow('aggregate_refresh')).toMatchObject({
      outcome: 'done',
      result: { details: { refreshed: false, lastRefresh } },
    });
    const trigger = engine === 'postgresql' ? 'aggregate_inserted_reports' : 'mark_inserted_reports';
    await db.query(`ALTER TABLE location_reports DISABLE TRIGGER ${trigger}`);
    await report();
    await db.query(`ALTER TABLE location_reports ENABLE TRIGGER ${trigger}`);
    await db.query(`UPDATE refresh_state SET periodic_at = periodic_at - interval '1 hour'`);
    expect(await jobs.runNow('aggregate_refresh')).toMatchObject({
      outcome: 'done',
      result: { details: { refreshed: true } },
    });
    await expectHistoryOf(db, reports);
  });
});
