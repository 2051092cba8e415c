import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { healthOf } from '../support/health.js';
import { at, historyToday, insertReports } from '../support/scenario.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('what is wrong with the materialized view', (engine) => {
  let db: TestDatabase;
  let today: Date;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    today = await historyToday(db);
    await db.register('a');
  });
  afterAll(() => db.drop());

  const problems = async (): Promise<string[]> => (await healthOf(db).check()).problems;
  const report = (time: string): Promise<void> =>
    insertReports(db, [{ key: 'a', at: at(today, -1, time), latitude: 1, longitude: 2 }]);

  it('that it is stale, also while its changes still wait', async () => {
    const isStale = async (): Promise<boolean> => (await healthOf(db).check()).viewIsStale;
    expect(await isStale()).toBe(true); // a tracker was registered
    await db.aggregates.aggregateChanges();
    expect(await isStale()).toBe(true);
    await db.aggregates.refreshView();
    expect(await isStale()).toBe(false);
  });

  it('nothing, where there is no history at all', async () => {
    await db.settle();
    expect(await problems()).toEqual([]);
  });

  it('that it is empty where there is history, as soon as that is so', async () => {
    await report('10:00:00');
    await db.aggregates.aggregateChanges();
    expect(await problems()).toEqual([expect.stringContaining('location_history is empty')]);
    await db.aggregates.refreshView();
    expect(await problems()).toEqual([]);
  });

  it('that it is behind, once that lasts', async () => {
    await report('11:00:00');
    await db.aggregates.aggregateChanges();
    expect(await problems()).toEqual([]);
    await db.query(`UPDATE refresh_state SET behind_since = behind_since - interval '3 minutes'`);
    await report('12:00:00');
    await db.aggregates.aggregateChanges(); // a later change makes it no younger
    expect(await problems()).toEqual([
      expect.stringMatching(/location_history is behind for 1[89]\d seconds/),
    ]);
    await db.aggregates.refreshView();
    expect(await problems()).toEqual([]);
  });
});
