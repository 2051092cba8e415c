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
/** The thirty days include the end of a month and the change to daylight saving time in Europe. */
const BEGIN = new Date('2027-03-10T00:00:00Z');
const KEYS = ['a', 'b', 'c', 'd'];
const REPORTS_PER_STEP = 80;
/** Upper limit of raw reports: those of today and the two days before, with a margin. */
const MAX_RAW = 3.3 * (DAY / STEP) * REPORTS_PER_STEP;

/** A report, and the time from which a source has it. */
interface Sighting {
  report: TestReport;
  availableFrom: number;
}

describeWithClock('thirty days of operation', BEGIN, (engine, cluster) => {
  const random = new Random(42);
  let db: TestDatabase;
  const sightings: Sighting[] = [];
  /** Reports by identity, in the order of their ingest. */
  const ingested = new Map<string, TestReport>();
  const sizes: { day: number; raw: number; parts: number }[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { server: cluster().server });
    for (const key of KEYS) await db.register(key);
  });
  afterAll(() => db.drop());

  function recordIngested(reports: readonly TestReport[]): void {
    for (const report of reports) {
      const identity = `${report.key} ${report.at.getTime()}`;
      if (!ingested.has(identity)) ingested.set(identity, report);
    }
  }

  /** Generates reports: most are available at once, some after days, a few after weeks. */
  function generateReports(from: Date, to: Date): void {
    for (const report of random.reports(REPORTS_PER_STEP, KEYS, from, to)) {
      const delay = random.oneIn(50) ? random.int(40 * DAY) : random.oneIn(8) ? random.int(4 * DAY) : 0;
      sightings.push({ report, availableFrom: report.at.getTime() + delay });
    }
  }

  /** Ingests the reports of the last seven days again, in random order. Inserts older ones by hand once available. */
  async function fetchReports(now: Date): Promise<void> {
    const available = sightings.filter(({ availableFrom }) => availableFrom <= now.getTime());
    const week = available.filter(({ report }) => report.at.getTime() > now.getTime() - 7 * DAY);
    const batch = random.shuffle(week.map(({ report }) => report));
    // Another position of the same time: the first one counts.
    const elsewhere = batch.filter(() => random.oneIn(100)).map((report) => ({ ...report, latitude: 12 }));
    for (const part of [batch.slice(0, 1000), batch.slice(1000), elsewhere]) {
      await ingestReports(db, part);
      recordIngested(part);
    }

    const newAndOld = available.filter(
      ({ report, availableFrom }) =>
        availableFrom > now.getTime() - STEP && report.at.getTime() <= now.getTime() - 7 * DAY,
    );
    const old = random.reports(3, KEYS, new Date(now.getTime() - 40 * DAY), now);
    const again = batch.filter(() => random.oneIn(50));
    for (const byHand of [newAndOld.map(({ report }) => report), old, again]) {
      await insertReports(db, byHand, 'ON CONFLICT DO NOTHING');
      // insertReports() sorts, which changes nothing: no statement has two reports of one time.
      recordIngested(byHand);
    }
  }

  /** Retries the columnstore policy: it fails without a reason while its day is being closed or refreshed. */
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

  /** Runs all periodic work, in any order or at once. */
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

  async function recordSize(day: number): Promise<void> {
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
      generateReports(before, now);
      await fetchReports(now);
      await operate(now);
      if (step % (DAY / STEP) === 0) {
        await expectHistoryOf(db, [...ingested.values()]);
      }
      await maintain(db);
      await recordSize(step / (DAY / STEP));
      before = now;
    }
  }, 600_000);

  it('have a daily row for every day, which counts all ingested reports', async () => {
    await expectHistoryOf(db, [...ingested.values()]);
    expect(await db.value('SELECT sum(report_count)::int FROM location_history_view')).toBe(ingested.size);
    expect(ingested.size).toBeGreaterThan(DAYS * (DAY / STEP) * REPORTS_PER_STEP * 0.9);
    expect(
      await db.value(
        "SELECT count(DISTINCT timestamp) FROM location_history_view WHERE bucket_size = '1 day'",
      ),
    ).toBeGreaterThan(DAYS);
  });

  it('keep the number of raw reports and their storage constant from the fifth day on', () => {
    const late = sizes.filter(({ day }) => day >= 5);
    expect(late).toHaveLength((DAYS - 5) * (DAY / STEP) + 1);
    expect(Math.max(...late.map(({ raw }) => raw))).toBeLessThan(MAX_RAW);
    // timescaledb: chunks of three days, no empty ones of late reports. postgresql: also 14 days ahead and a default.
    expect(Math.max(...late.map(({ parts }) => parts))).toBeLessThanOrEqual(
      engine === 'timescaledb' ? 3 : 18,
    );
  });
});
