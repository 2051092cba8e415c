import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { retryTransient } from '../../src/database/retry.js';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import { Random } from '../support/random.js';
import {
  boundaries,
  DOCUMENTED_REFRESH,
  expectHistoryOf,
  historyToday,
  LONG_RAW_RETENTION,
  maintain,
  sixDaysThenRetention,
} from '../support/history.js';
import { sessionWaitingForLock } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const DELETE = `mutation ($id: ID!, $from: DateTime!, $to: DateTime!) { deleted: deleteLocationReports(trackerId: $id, from: $from, to: $to) {
  deletedReports keptReports days { day reports deleted } } }`;

const CREATE = `mutation ($input: CreateLocationReportInput!) { createLocationReport(input: $input) { outcome } }`;

interface Deleted {
  deletedReports: number;
  keptReports: number;
  days: { day: string; reports: number; deleted: boolean }[];
}

describeOnEveryEngine('deleted reports', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let today: Date;
  const ids = new Map<string, string>();
  /** The reports that history contains: at first six days of each tracker, with raw reports of the last two. */
  let there: TestReport[];

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
    today = await historyToday(db);
    for (const key of ['a', 'b', 'c', 'd', 'e']) ids.set(key, await db.register(key));
    there = await sixDaysThenRetention(db, today, [...ids.keys()]);
    api = await Api.start(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  const remove = async (key: string, from: Date, to: Date): Promise<Deleted> =>
    (await api.data<{ deleted: Deleted }>(DELETE, { id: ids.get(key), from, to })).deleted;
  /** Removes the reports from `there`, checks that history equals the remaining ones, and returns the removed ones. */
  const expectGone = async (key: string, from: Date, to: Date): Promise<TestReport[]> => {
    const isGone = (one: TestReport): boolean => one.key === key && one.at >= from && one.at <= to;
    const gone = there.filter(isGone);
    there = there.filter((one) => !isGone(one));
    await expectHistoryOf(db, there);
    return gone;
  };

  it('leave hours and days as if they had never been stored, and stay deleted', async () => {
    const all = there.filter(({ key }) => key === 'a');
    const [from, to] = [at(today, -2, '20:00:00'), at(today, -1, '05:00:00')];
    expect(await remove('a', from, to)).toEqual({
      deletedReports: 9,
      keptReports: 0,
      days: [
        { day: at(today, -2, '00:00:00').toISOString(), reports: 4, deleted: true },
        { day: at(today, -1, '00:00:00').toISOString(), reports: 5, deleted: true },
      ],
    });
    await expectGone('a', from, to);
    // A source returns the same reports at every fetch.
    expect(await ingestReports(db, all)).toEqual({ deleted: 9, duplicate: all.length - 9 });
    await expectHistoryOf(db, there);
  });

  it('are rejected when they are sent one by one, and accepted when somebody inserts them', async () => {
    const bad = there.find(
      ({ key, at: moment }) => key === 'b' && moment > at(today, -1, '00:00:00'),
    ) as TestReport;
    expect(await remove('b', bad.at, bad.at)).toMatchObject({ deletedReports: 1 });
    expect(await remove('b', bad.at, bad.at)).toEqual({ deletedReports: 0, keptReports: 0, days: [] });
    const { latitude, longitude } = bad;
    expect(
      await api.error(CREATE, { input: { trackerId: ids.get('b'), timestamp: bad.at, latitude, longitude } }),
    ).toMatchObject({
      message: 'The report with this timestamp was deleted permanently',
      extensions: { code: 'CONFLICT', argument: 'input', reason: 'deleted' },
    });
    await insertReports(db, [bad]);
    await expectHistoryOf(db, there);
  });

  it('are removed with a whole day whose raw reports are gone, and no refresh brings them back', async () => {
    const [from, to] = [at(today, -5, '00:00:00'), at(today, -4, '23:59:59.999')];
    expect(await remove('c', from, to)).toEqual({
      deletedReports: 48,
      keptReports: 0,
      days: [-5, -4].map((day) => ({
        day: at(today, day, '00:00:00').toISOString(),
        reports: 24,
        deleted: true,
      })),
    });
    const gone = await expectGone('c', from, to);
    await retryTransient(() => db.query(DOCUMENTED_REFRESH));
    expect(await ingestReports(db, gone)).toEqual({ deleted: 48 });
    await expectHistoryOf(db, there);

    const other = { ...(gone[0] as TestReport), at: at(today, -5, '03:03:03.003') };
    expect(await ingestReports(db, [other])).toEqual({ late: 1 });
    there.push(other);
    await expectHistoryOf(db, there);
  });

  it('are kept where only a part of such a day is to be deleted, and the answer says so', async () => {
    const all = there.filter(({ key }) => key === 'd');
    const [from, to] = [at(today, -5, '12:00:00'), at(today, -1, '11:59:59.999')];
    const answer = await remove('d', from, to);
    expect(answer).toMatchObject({ deletedReports: 84, keptReports: 12 });
    expect(answer.days.map(({ reports, deleted }) => [reports, deleted])).toEqual([
      [12, false],
      [24, true],
      [24, true],
      [24, true],
      [12, true],
    ]);
    await expectGone('d', at(today, -4, '00:00:00'), to);
    expect(await ingestReports(db, all)).toEqual({ deleted: 84, duplicate: all.length - 84 });
    await expectHistoryOf(db, there);
  });

  it('are not brought back by a running import', async () => {
    const bad = there.find(
      ({ key, at: moment }) => key === 'e' && moment > at(today, -1, '00:00:00'),
    ) as TestReport;
    const session = await db.pool.connect();
    try {
      await session.query('BEGIN');
      await session.query('SELECT delete_location_reports($1, $2, $2)', ['e', bad.at]);
      const importing = ingestReports(db, [bad]);
      await sessionWaitingForLock(db, '%ingest_reports%');
      await session.query('COMMIT');
      expect(await importing).toEqual({ deleted: 1 });
    } finally {
      session.release();
    }
    await expectGone('e', bad.at, bad.at);
  });

  it('leave the history of the other reports, in any order with new ones', async () => {
    const random = new Random(3);
    const gone: TestReport[] = [];
    for (let round = 0; round < 8; round++) {
      const from = random.report(['e'], at(today, -6, '00:00:00'), at(today, 0, '00:00:00')).at;
      const to = new Date(from.getTime() + random.int(3 * 86_400_000));
      const { days, deletedReports } = await remove('e', from, to);
      const kept = new Set(days.filter(({ deleted }) => !deleted).map(({ day }) => day.slice(0, 10)));
      const now = there.filter(
        (one) =>
          one.key === 'e' && one.at >= from && one.at <= to && !kept.has(one.at.toISOString().slice(0, 10)),
      );
      expect(deletedReports).toBe(now.length);
      gone.push(...now);
      there = there.filter((one) => !now.includes(one));
      const fresh = random.reports(5, ['e'], at(today, -6, '00:00:00'), at(today, 0, '00:00:00'));
      const { deleted = 0 } = await ingestReports(db, [...fresh, ...gone]);
      expect(deleted).toBe(gone.length);
      there.push(...fresh);
      await expectHistoryOf(db, there);
    }
    expect(gone.length).toBeGreaterThan(50);
  });

  it('stay deleted when their day is closed, and are forgotten when the day is deleted', async () => {
    await db.query('UPDATE history_state SET raw_retention_hours = 24');
    await maintain(db);
    expect((await boundaries(db)).horizon).toEqual(at(today, -1, '00:00:00'));
    const deleted = await db.query<{ at: Date }>(
      `SELECT timestamp AS at FROM deleted_reports WHERE hashed_adv_key = 'a' AND timestamp < history_horizon()`,
    );
    expect(deleted).toHaveLength(4);
    const again = deleted.map((report) => ({ ...report, key: 'a', latitude: 1, longitude: 2 }));
    expect(await ingestReports(db, again)).toEqual({ deleted: 4 });
    await expectHistoryOf(db, there);

    await db.query('UPDATE history_state SET daily_retention_hours = 48');
    await maintain(db);
    const left = 'SELECT count(*) FROM deleted_reports WHERE timestamp';
    expect(await db.value(`${left} < history_floor()`)).toBe(0);
    expect(await db.value(`${left} >= history_floor()`)).toBeGreaterThan(0);
  });
});
