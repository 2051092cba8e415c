import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithClock } from '../support/servers/faketime-cluster.js';
import type { TestReport } from '../support/history-oracle.js';
import { Random } from '../support/random.js';
import { expectHistoryOf, maintain } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

const HOUR = 3_600_000;
const KEYS = ['a', 'b', 'c'];
const moment = (text: string): Date => new Date(`${text}Z`);
const BEGIN = moment('2027-03-24T12:00:00');
/** Times at which history is checked, before and after midnights, and whether maintenance runs then. */
const CHECKS: [time: string, maintenance: boolean][] = [
  ['2027-03-24T23:59:00', true],
  ['2027-03-25T00:00:00', true],
  ['2027-03-25T00:30:00', true],
  ['2027-03-25T12:00:00', true],
  ['2027-03-25T23:59:00', false],
  ['2027-03-26T00:00:00', false], // nothing ran at midnight, nor in the hours after it
  ['2027-03-26T00:30:00', false],
  ['2027-03-26T12:00:00', false],
  ['2027-03-26T23:59:00', true],
  ['2027-03-27T00:00:00', true],
  ['2027-03-30T00:30:00', false], // nothing ran for three days
  ['2027-03-30T12:00:00', true],
];

describeWithClock('history around midnight', BEGIN, (engine, cluster) => {
  const random = new Random(20_270_324);
  const reports: TestReport[] = [];
  let db: TestDatabase;

  const counted = (): Promise<number> => db.value('SELECT sum(report_count)::int FROM location_history_view');
  /** Checks that each report is counted in exactly one row, and that each row shows the right report. */
  async function expectEachOnce(): Promise<void> {
    const distinct = new Set(reports.map(({ key, at }) => `${key} ${at.getTime()}`)).size;
    await expectHistoryOf(db, reports);
    expect(await counted()).toBe(distinct);
  }
  /** Inserts reports of the nine days and of the hour before `now`, of the millisecond before it, and of `now`. */
  async function insertMoreReports(now: Date): Promise<void> {
    const more = [
      ...random.reports(60, KEYS, new Date(now.getTime() - 9 * 24 * HOUR), now),
      ...random.reports(20, KEYS, new Date(now.getTime() - HOUR), now),
      { key: 'a', at: new Date(now.getTime() - 1), latitude: 1, longitude: 2 },
      { key: 'b', at: now, latitude: 3, longitude: 4 },
    ];
    await insertReports(db, more, 'ON CONFLICT DO NOTHING');
    reports.push(...more);
  }

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { server: cluster().server });
    for (const key of KEYS) await db.register(key);
    await insertMoreReports(BEGIN);
  });
  afterAll(() => db.drop());

  it('forgets a report of the next hour that is deleted before that hour', async () => {
    await cluster().setClock(moment('2027-03-24T12:55:00'));
    const ahead = { key: 'a', at: moment('2027-03-24T13:02:00'), latitude: 60, longitude: 7 };
    await insertReports(db, [ahead]);
    await expectHistoryOf(db, [...reports, ahead]);
    await db.query('DELETE FROM location_reports WHERE timestamp = $1', [ahead.at]);
    await expectEachOnce();
  });

  describe.each(CHECKS)('at %s', (time, maintenance) => {
    it('has each report in one row', async () => {
      await cluster().setClock(moment(time));
      await expectEachOnce();
    });

    it('has each report in one row after more reports arrived', async () => {
      await insertMoreReports(moment(time));
      await expectEachOnce();
    });

    if (maintenance) {
      it('has each report in one row after maintenance', async () => {
        await maintain(db);
        await expectEachOnce();
        await maintain(db);
        await expectEachOnce();
      });
    }
  });

  it('finally shows days up to yesterday, and keeps raw reports of two days', async () => {
    const [state] = await db.query<{ horizon: Date; cut: Date }>(
      'SELECT closed_before AS horizon, cut FROM history_state',
    );
    expect(state).toEqual({ horizon: moment('2027-03-28T00:00:00'), cut: moment('2027-03-29T00:00:00') });
    expect(await db.value('SELECT count(*) FROM location_reports WHERE timestamp < history_horizon()')).toBe(
      0,
    );
  });
});
