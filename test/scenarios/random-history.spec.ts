import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { withClient } from '../support/servers/database-servers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, HistoryModel, isImprecise, type TestReport } from '../support/history-oracle.js';
import { copyReports, totalOf, ingestReports, insertReports } from '../support/reports.js';
import { Random } from '../support/random.js';
import {
  boundaries,
  expectHistoryOf,
  historyToday,
  LONG_RAW_RETENTION,
  maintain,
} from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

const STATEMENTS = 300;
/** A failure names its seed; RANDOM_SEED=… runs it again. */
const SEEDS = process.env['RANDOM_SEED'] ? [Number(process.env['RANDOM_SEED'])] : [1, 20_261_123];

describeOnEveryEngine('random statements', (engine) => {
  let db: TestDatabase;
  beforeEach(async () => {
    db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
  });
  afterEach(() => db.drop());

  it.each(SEEDS)(
    'leave exactly the history of the reports that remain (seed %i)',
    async (seed) => {
      const random = new Random(seed);
      const today = await historyToday(db);
      const keys = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}-${seed}`);
      for (const key of keys) await db.register(key);
      const model = new HistoryModel((await boundaries(db)).horizon);
      const gone: TestReport[] = [];

      const fresh = (): TestReport[] => {
        const [from, to] = random.pick([
          [-1, 0],
          [-9, 0],
          [-13, -8],
          [-60, 0],
        ] as const);
        const some = random.reports(
          1 + random.int(40),
          keys,
          at(today, from, '00:00:00'),
          at(today, to, '00:00:00'),
        );
        // Deleted reports are not sent again here; other tests cover that.
        return some.filter(
          (one) => !gone.some(({ key, at }) => key === one.key && at.getTime() === one.at.getTime()),
        );
      };
      const again = (): TestReport[] =>
        Array.from({ length: Math.min(20, model.reports.length) }, () => ({
          ...random.pick(model.reports),
          latitude: random.int(80),
        }));
      const batch = (): TestReport[] =>
        random.oneIn(3) ? random.shuffle([...fresh(), ...again()]) : fresh();
      const span = (): [Date, Date] => {
        const from = random.report(keys, at(today, -13, '00:00:00'), at(today, 0, '00:00:00')).at;
        return [from, new Date(from.getTime() + random.pick([0, 3_600_000, 48 * 3_600_000]))];
      };
      // Half of the ranges begin at the time of a report.
      const range = (): [string, Date, Date] => {
        const anchor = model.reports.length > 0 ? random.pick(model.reports) : undefined;
        const [from, to] = span();
        if (anchor && random.oneIn(2)) return [anchor.key, anchor.at, to > anchor.at ? to : anchor.at];
        return [random.pick(keys), from, to];
      };

      const statements: [weight: number, run: () => Promise<void>][] = [
        [
          10,
          async () => {
            const reports = batch();
            await insertReports(db, reports, 'ON CONFLICT DO NOTHING');
            // insertReports() inserts in this order.
            model.add(
              [...reports].sort((a, b) => (a.key === b.key ? +a.at - +b.at : a.key < b.key ? -1 : 1)),
            );
          },
        ],
        [
          3,
          async () => {
            const reports = fresh();
            await withClient(db.url, (client) => copyReports(client, reports));
            model.add(reports);
          },
        ],
        [
          10,
          async () => {
            const reports = batch();
            expect(totalOf(await ingestReports(db, reports))).toBe(reports.length);
            model.add(reports);
          },
        ],
        [
          3,
          async () => {
            const [key, from, to] = range();
            await db.query(
              `UPDATE location_reports SET nearest_city = 'Oslo', confidence = 7
               WHERE hashed_adv_key = $1 AND timestamp BETWEEN $2 AND $3`,
              [key, from, to],
            );
            model.updateRaw(key, from, to, { city: 'Oslo', confidence: 7 });
          },
        ],
        [
          3,
          async () => {
            const [key, from, to] = range();
            const city = random.pick(['Rom', 'Wien']);
            await db.settle();
            await db.query('SELECT update_nearest_city($1, $2, $3, $4)', [key, from, to, city]);
            model.updateCity(key, from, to, city);
          },
        ],
        [
          3,
          async () => {
            const [key, from, to] = range();
            await db.query(
              'DELETE FROM location_reports WHERE hashed_adv_key = $1 AND timestamp BETWEEN $2 AND $3',
              [key, from, to],
            );
            const before = model.reports;
            model.deleteRaw(key, from, to);
            gone.push(...before.filter((report) => !model.reports.includes(report)));
          },
        ],
        [
          1,
          async () => {
            if (random.oneIn(3)) {
              await db.query(
                'UPDATE history_state SET raw_retention_hours = raw_retention_hours - 24 WHERE raw_retention_hours > 48',
              );
            }
            await maintain(db);
            model.horizon = (await boundaries(db)).horizon;
          },
        ],
        [
          2,
          async () => {
            const [relation, days] = random.pick([
              ['hourly', 2],
              ['daily', 7],
            ] as const);
            await db.query(
              `CALL refresh_continuous_aggregate('location_history_${relation}', now() - interval '${days} days', now())`,
            );
          },
        ],
      ];
      const weighted = statements.flatMap(([weight, run]) => Array.from({ length: weight }, () => run));
      for (let i = 1; i <= STATEMENTS; i++) {
        await random.pick(weighted)();
        if (i % 25 === 0) await expectHistoryOf(db, model.reports);
      }
      await expectHistoryOf(db, model.reports);
      const raw = await db.query<{ imprecise: boolean; reports: number }>(
        'SELECT imprecise, count(*) AS reports FROM location_reports WHERE hashed_adv_key = ANY ($1) GROUP BY 1 ORDER BY 1',
        [keys],
      );
      const imprecise = model.raw().filter(isImprecise).length;
      expect(raw).toEqual([
        { imprecise: false, reports: model.raw().length - imprecise },
        { imprecise: true, reports: imprecise },
      ]);
    },
    120_000,
  );
});
