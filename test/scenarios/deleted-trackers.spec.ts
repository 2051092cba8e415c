import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { retryTransient } from '../../src/database/retry.js';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports } from '../support/reports.js';
import {
  DOCUMENTED_REFRESH,
  expectHistoryOf,
  historyToday,
  LONG_RAW_RETENTION,
  sixDaysThenRetention,
} from '../support/history.js';
import { whenVisible } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const DELETE = `mutation ($id: ID!, $history: HistoryOnDelete!) { deleteTracker(id: $id, history: $history) { id erasedReports } }`;
/** Every relation that contains the key of a tracker. */
const LAYERS = [
  'location_reports',
  'location_history_hourly',
  'location_history_days',
  'report_identities',
  'deleted_reports',
  'geocoding_queue',
  'rejected_reports',
];

describeOnEveryEngine('deleting a tracker', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let today: Date;
  let reports: TestReport[];
  const ids = new Map<string, string>();

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
    today = await historyToday(db);
    for (const key of ['a', 'b', 'c']) ids.set(key, await db.register(key));
    reports = await sixDaysThenRetention(db, today, [...ids.keys()]);
    api = await Api.start(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  const of = (...keys: string[]): TestReport[] => reports.filter(({ key }) => keys.includes(key));
  const known = async (key: string): Promise<Record<string, number>> =>
    Object.fromEntries(
      await Promise.all(
        LAYERS.map(async (layer) => [
          layer,
          await db.value<number>(`SELECT count(*) FROM ${layer} WHERE hashed_adv_key = $1`, [key]),
        ]),
      ),
    ) as Record<string, number>;

  it('keeps its history, which is visible again when its key is registered again', async () => {
    expect(await api.data(DELETE, { id: ids.get('b'), history: 'KEEP' })).toEqual({
      deleteTracker: { id: ids.get('b'), erasedReports: 0 },
    });
    await expectHistoryOf(db, of('a', 'c'));
    ids.set('b', await db.register('b again', 'b'));
    await expectHistoryOf(db, reports);
  });

  it('removes its history from every layer on request, and no refresh brings it back', async () => {
    const first = of('a')[0] as TestReport;
    await db.query('SELECT delete_location_reports($1, $2, $3)', [
      'a',
      at(today, -1, '12:00:00'),
      at(today, -1, '13:00:00'),
    ]);
    await ingestReports(db, [{ ...first, at: new Date(first.at.getTime() + 1) }]);
    await db.query(`
      WITH run AS (INSERT INTO import_runs (kind, name, outcome) VALUES ('file', 'x', 'completed') RETURNING id),
        reason AS (INSERT INTO import_run_rejections (run_id, reason, reports, first_position, kept)
          SELECT id, 'future', 3, 1, 3 FROM run)
      INSERT INTO rejected_reports (run_id, position, rejected_as, reason, tracker, hashed_adv_key)
      SELECT id, n, 'future', 'future', tracker, key FROM run,
        (VALUES (1, NULL, 'a'), (2, 'a', NULL), (3, 'b', NULL)) AS given (n, tracker, key)`);
    await db.query('CREATE TABLE location_history_backup (tracker_id bigint, n integer)');
    await db.query('INSERT INTO location_history_backup VALUES ($1, 1), ($2, 2)', [
      ids.get('a'),
      ids.get('b'),
    ]);
    const before = await known('a');
    expect(Object.values(before).every((rows) => rows > 0)).toBe(true);
    const counted = await db.value<number>(
      'SELECT sum(report_count)::int FROM location_history WHERE tracker_id = $1',
      [ids.get('a')],
    );
    const deletedToday = before['deleted_reports'] ?? 0;

    const { deleteTracker } = await api.data<{ deleteTracker: { erasedReports: number } }>(DELETE, {
      id: ids.get('a'),
      history: 'ERASE',
    });
    expect(deleteTracker.erasedReports).toBe(of('a').length + 1 - deletedToday);
    expect(counted).toBeGreaterThan(0);
    const nothing = Object.fromEntries(LAYERS.map((layer) => [layer, 0]));
    // A running refresh of TimescaleDB may have written rows that it read before; the next one removes them.
    await whenVisible(engine, async () => {
      expect(await known('a')).toEqual(nothing);
    });
    await retryTransient(() => db.query(DOCUMENTED_REFRESH));
    await retryTransient(() =>
      db.query(
        "CALL refresh_continuous_aggregate('location_history_hourly', NOW() - INTERVAL '48 hours', NOW())",
      ),
    );
    expect(await known('a')).toEqual(nothing);
    await expectHistoryOf(db, of('b', 'c'));
    expect(await db.query('SELECT n FROM location_history_backup')).toEqual([{ n: 2 }]);
    expect(await db.query('SELECT tracker FROM rejected_reports')).toEqual([{ tracker: 'b' }]);
    expect(await api.data('query ($id: ID!) { tracker(id: $id) { id } }', { id: ids.get('a') })).toEqual({
      tracker: null,
    });

    // A report that is sent again counts as new, because its identity is gone.
    expect(await ingestReports(db, of('a').slice(0, 3))).toEqual({ late: 3 });
    await db.register('a again', 'a');
    await expectHistoryOf(db, [...of('a').slice(0, 3), ...of('b', 'c')]);
  });

  it('reports a missing tracker, and a required argument', async () => {
    expect((await api.error(DELETE, { id: '987654321', history: 'ERASE' })).extensions).toEqual({
      code: 'NOT_FOUND',
      argument: 'id',
    });
    await db.query('CREATE TABLE parcels (tracker_id bigint REFERENCES trackers)');
    await db.query('INSERT INTO parcels VALUES ($1)', [ids.get('c')]);
    for (const history of ['KEEP', 'ERASE']) {
      expect((await api.error(DELETE, { id: ids.get('c'), history })).extensions.code).toBe('CONFLICT');
    }
    expect((await known('c'))['report_identities']).toBeGreaterThan(0);
    await db.query('DROP TABLE parcels');
  });
});
