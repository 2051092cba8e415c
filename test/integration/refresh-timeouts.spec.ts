import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { historyToday } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { insertReports } from '../support/reports.js';
import { slowDownView, viewRefreshRunning } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const DEADLINE_MS = 20 * 60_000;

describeOnEveryEngine('the duration of a refresh', (engine) => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    await db.register('a');
    const today = await historyToday(db);
    await insertReports(db, [{ key: 'a', at: at(today, -1, '10:00:00'), latitude: 1, longitude: 2 }]);
    await db.aggregates.aggregateChanges();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });
  afterAll(() => db.drop());

  const stale = (): Promise<unknown> => db.query('UPDATE refresh_state SET changes = changes + 1');

  it('is not limited by a statement_timeout of the role', async () => {
    await db.administer(
      `ALTER ROLE ${new URL(db.url).username} IN DATABASE ${db.name} SET statement_timeout = '500ms'`,
    );
    await db.dataSource.destroy();
    await db.dataSource.initialize(); // only new sessions have the setting
    expect(await db.dataSource.query('SHOW statement_timeout')).toEqual([{ statement_timeout: '500ms' }]);
    await slowDownView(db, 1);
    await stale();
    const refreshing = db.aggregates.refreshView();
    await viewRefreshRunning(db);
    expect(await refreshing).toMatchObject({ refreshed: true });
    const seen = await db.locks.withLock('test', (session) =>
      db.aggregates['aggregates'].withTimeouts(session, () =>
        session.query(
          `SELECT name, setting FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout') ORDER BY 1`,
        ),
      ),
    );
    expect(seen).toMatchObject({
      result: [
        { name: 'lock_timeout', setting: '2000' },
        { name: 'statement_timeout', setting: '0' },
      ],
    });
    await slowDownView(db, 0);
  });

  it('is limited by a deadline of the process', async () => {
    const { setTimeout } = globalThis;
    jest
      .spyOn(globalThis, 'setTimeout')
      .mockImplementation((work: () => void, ms?: number, ...rest: []) =>
        setTimeout(work, ms === DEADLINE_MS ? 500 : ms, ...rest),
      );
    await slowDownView(db, 30);
    await stale();
    await expect(db.aggregates.refreshView()).rejects.toThrow('it took longer than 20 minutes');
    expect(
      await db.value(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'REFRESH%'
        AND state = 'active'`),
    ).toBe(0);
    jest.restoreAllMocks();
    await slowDownView(db, 0);
    expect(await db.aggregates.refreshView()).toMatchObject({ refreshed: true });
  });
});
