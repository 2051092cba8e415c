import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { retryTransient } from '../../src/database/retry.js';
import { describeWithClock } from '../support/servers/faketime-cluster.js';
import type { TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import { Random } from '../support/random.js';
import { DOCUMENTED_REFRESH, expectHistoryOf, maintain } from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const STEP = 6 * HOUR;
const DAYS = 30;
/** Over the end of a month and the change to daylight saving time in Europe. */
const BEGIN = new Date('2027-03-10T00:00:00Z');
const KEYS = ['a', 'b', 'c', 'd'];
const NEW_A_STEP = 80;
/** Raw reports of up to three days and a bit: yesterday and the day before as a whole, and today. */
const MOST_RAW = 3.3 * (DAY / STEP) * NEW_A_STEP;

/** A report in the world, and when a source first has it. */
interface Sighting {
  report: TestReport;
  known: number;
}

describeWithClock('thirty days of operation', BEGIN, (engine, cluster) => {
  const random = new Random(42);
  let db: TestDatabase;
  const sightings: Sighting[] = [];
  /** In the order in which the database first got them. */
  const told = new Map<string, TestReport>();
  const sizes: { day: number; raw: number; parts: number }[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { server: cluster().server });
    for (const key of KEYS) await db.register(key);
  });
  afterAll(() => db.drop());

  function tell(reports: readonly TestReport[]): void {
    for (const report of reports) {
      const identity = `${report.key} ${report.at.getTime()}`;
      if (!told.has(identity)) told.set(identity, report);
    }
  }

  /** What happens in the world: most is known at once, some in a few days, a little in weeks. */
  function observe(from: Date, to: Date): void {
    for (const report of random.reports(NEW_A_STEP, KEYS, from, to)) {
      const delay = random.oneIn(50) ? random.int(40 * DAY) : random.oneIn(8) ? random.int(4 * DAY) : 0;
      sightings.push({ report, known: report.at.getTime() + delay });
    }
  }

  /** A source gives the last seven days again, in no order; what it learns of later than that comes by hand. */
  async function fetchReports(now: Date): Promise<void> {
    const known = sightings.filter((sighting) => sighting.known <= now.getTime());
    const week = known.filter(({ report }) => report.at.getTime() > now.getTime() - 7 * DAY);
    const batch = random.shuffle(week.map(({ report }) => report));
    // Another place for a moment that is taken already: the first one counts.
    const elsewhere = batch.filter(() => random.oneIn(100)).map((report) => ({ ...report, latitude: 12 }));
    for (const part of [batch.slice(0, 1000), batch.slice(1000), elsewhere]) {
      await ingestReports(db, part);
      tell(part);
    }

    const justKnown = known.filter(
      (sighting) =>
        sighting.known > now.getTime() - STEP && sighting.report.at.getTime() <= now.getTime() - 7 * DAY,
    );
    const old = random.reports(3, KEYS, new Date(now.getTime() - 40 * DAY), now);
    const again = batch.filter(() => random.oneIn(50));
    for (const byHand of [justKnown.map(({ report }) => report), old, again]) {
      await insertReports(db, byHand, 'ON CONFLICT DO NOTHING');
      // insertReports() sorts; of the same moment twice in one statement there is none here.
      tell(byHand);
    }
  }

  /** The columnstore policy does not say why it failed: the day was being closed, or refreshed. It comes again. */
  async function runPolicy(id: number): Promise<void> {
    await retryTransient(() => db.query(`CALL run_job(${id})`)).catch((error: unknown) => {
      if (!String(error).includes('columnstore policy failure')) throw error;
      return runPolicy(id);
    });
  }

  async function runPolicies(): Promise<void> {
    if (engine !== 'timescaledb') return;
    const jobs = await db.query<{ id: number }>(
      "SELECT job_id AS id FROM timescaledb_information.jobs WHERE proc_name LIKE 'policy_%' AND hypertable_name IS NOT NULL ORDER BY 1",
    );
    expect(jobs.length).toBeGreaterThanOrEqual(3);
    for (const { id } of random.shuffle(jobs)) await runPolicy(id);
  }

  /** Everything that runs by itself, in any order. */
  async function operate(now: Date): Promise<void> {
    const work = random.shuffle([
      () => runPolicies(),
      () => db.maintain(),
      () => db.settle(),
      ...(random.oneIn(4) ? [() => retryTransient(() => db.query(DOCUMENTED_REFRESH))] : []),
      ...(random.oneIn(8) ? [() => db.aggregates.refresh(new Date(now.getTime() - 300 * DAY), now)] : []),
    ]);
    if (random.oneIn(3)) {
      await Promise.all(work.map((run) => run()));
    } else {
      for (const run of work) await run();
    }
  }

  async function noteSize(day: number): Promise<void> {
    const raw = await db.value<number>('SELECT count(*) FROM location_reports');
    const parts = await db.value<number>(
      engine === 'timescaledb'
        ? "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'location_reports'"
        : "SELECT count(*) FROM pg_inherits WHERE inhparent = 'location_reports'::regclass",
    );
    sizes.push({ day, raw, parts });
  }

  it('show each report once, every day', async () => {
    let before = new Date(BEGIN.getTime() - 7 * DAY);
    for (let step = 0; step <= DAYS * (DAY / STEP); step++) {
      const now = new Date(BEGIN.getTime() + step * STEP);
      await cluster().setClock(now);
      observe(before, now);
      await fetchReports(now);
      await operate(now);
      if (step % (DAY / STEP) === 0) {
        await expectHistoryOf(db, [...told.values()]);
      }
      await maintain(db);
      await noteSize(step / (DAY / STEP));
      before = now;
    }
  }, 600_000);

  it('have a daily row for every day, computed from the reports that went in', async () => {
    await expectHistoryOf(db, [...told.values()]);
    expect(await db.value('SELECT sum(report_count)::int FROM location_history_view')).toBe(told.size);
    expect(told.size).toBeGreaterThan(DAYS * (DAY / STEP) * NEW_A_STEP * 0.9);
    expect(
      await db.value(
        "SELECT count(DISTINCT timestamp) FROM location_history_view WHERE bucket_size = '1 day'",
      ),
    ).toBeGreaterThan(DAYS);
  });

  it('keep the number of raw reports and their storage constant from the fifth day on', () => {
    const late = sizes.filter(({ day }) => day >= 5);
    expect(late).toHaveLength((DAYS - 5) * (DAY / STEP) + 1);
    expect(Math.max(...late.map(({ raw }) => raw))).toBeLessThan(MOST_RAW);
    // timescaledb: the chunks of these days, and no empty ones of late reports. postgresql: 14 days ahead, and a default.
    expect(Math.max(...late.map(({ parts }) => parts))).toBeLessThanOrEqual(
      engine === 'timescaledb' ? 3 : 18,
    );
  });
});
