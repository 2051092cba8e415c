import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { SystemClock } from '../../src/clock/system-clock.js';
import { latestSlot } from '../../src/jobs/slots.js';
import { clockOf, recordedRuns } from '../support/services.js';
import { describeWithClock } from '../support/servers/faketime-cluster.js';
import type { TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import { Random } from '../support/random.js';
import { RefresherInstance } from '../support/application.js';
import { boundaries, expectHistoryOf } from '../support/history.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const KEYS = ['a', 'b', 'c', 'd'];
const JOBS = { maintenance: '7 * * * *', aggregate_refresh: '37 * * * *' };
const DAYS = 12;
const STEP = 5 * HOUR;
const SEED = Number(process.env['TEST_SEED'] ?? 20_261_130);

/** Which clock is wrong, and by how many milliseconds. */
interface Fault {
  clock: 'server' | 'program';
  offset: number;
}

describeWithClock('two weeks of wrong clocks', new Date('2027-03-24T12:00:00Z'), (engine, cluster) => {
  const random = new Random(SEED);
  let db: TestDatabase;
  let instance: RefresherInstance;
  const ingested: TestReport[] = [];
  const stepsWithFault = { server: 0, program: 0 };

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { server: cluster().server });
    for (const key of KEYS) await db.register(key);
    instance = await RefresherInstance.start(db, null);
  }, 60_000);
  afterAll(async () => {
    await instance.destroy();
    await db.drop();
  });

  /** Jumps of one hour to thirty days, forward or back. */
  function randomFault(): Fault {
    const offset = (1 + random.int(random.oneIn(2) ? 24 : 30 * 24)) * HOUR;
    return { clock: random.pick(['server', 'program']), offset: random.oneIn(2) ? offset : -offset };
  }

  async function setClocks(wrong: Fault | null): Promise<void> {
    const off = (clock: Fault['clock']): number => (wrong?.clock === clock ? wrong.offset : 0);
    cluster().mockProductClock();
    const offset = off('program');
    jest
      .spyOn(SystemClock.prototype, 'now')
      .mockImplementation(() => new Date(cluster().programTime().getTime() + offset));
    await cluster().setServerClock(new Date(cluster().programTime().getTime() + off('server')));
    await eventually(() => clockOf(db.dataSource).observe(), 20_000); // what the watcher does every ten seconds
  }

  async function report(): Promise<void> {
    const now = cluster().programTime();
    const fresh = random.reports(12, KEYS, new Date(now.getTime() - STEP), now);
    const late = random.reports(6, KEYS, new Date(now.getTime() - 6 * DAY), now);
    const again = ingested.filter(() => random.oneIn(40));
    for (const part of [fresh, late, again]) {
      if (random.oneIn(2)) {
        await eventually(() => insertReports(db, part, 'ON CONFLICT DO NOTHING'), 30_000);
      } else {
        const ledger = await eventually(() => ingestReports(db, part), 30_000);
        expect(
          Object.keys(ledger).filter((outcome) => !['stored', 'late', 'duplicate'].includes(outcome)),
        ).toEqual([]);
      }
      ingested.push(...part);
    }
  }

  /** Checks that the horizon is not later than the true time allows. */
  async function expectNoDayClosedEarly(): Promise<void> {
    const truth = Math.floor((cluster().programTime().getTime() - 2 * DAY) / DAY) * DAY;
    expect((await boundaries(db)).horizon.getTime()).toBeLessThanOrEqual(truth);
  }

  it(`lose no report, and close no day early (seed ${SEED})`, async () => {
    let wrong: Fault | null = null;
    for (let passed = 0; passed < DAYS * DAY; passed += STEP) {
      cluster().advance(STEP);
      if (wrong === null ? random.oneIn(2) : random.oneIn(3))
        wrong = wrong === null ? randomFault() : random.pick([null, randomFault()]);
      if (wrong !== null) stepsWithFault[wrong.clock] += 1;
      await setClocks(wrong);
      await Promise.all([report(), instance.tick()]);
      await instance.tick();
      await expectNoDayClosedEarly();
      if (random.oneIn(3)) {
        // The clocks are right for a moment.
        await setClocks(null);
        await setClocks(wrong);
        await instance.tick();
        await expectNoDayClosedEarly();
      }
    }
    expect(Math.min(stepsWithFault.server, stepsWithFault.program)).toBeGreaterThan(5);

    await setClocks(null);
    cluster().advance(HOUR);
    await setClocks(null);
    await eventually(async () => {
      await instance.tick();
      for (const [job, cron] of Object.entries(JOBS)) {
        const clock = await db.value<Date>('SELECT now()');
        const done = (await recordedRuns(db, job)).filter(
          ({ outcome, slot }) => outcome === 'done' && slot && slot <= clock,
        );
        expect(done.map(({ slot }) => slot)).toContainEqual(latestSlot(cron, clock));
      }
    }, 60_000);
    const truth = Math.floor((cluster().programTime().getTime() - 2 * DAY) / DAY) * DAY;
    expect((await boundaries(db)).horizon).toEqual(new Date(truth));
    await expectHistoryOf(db, ingested);
  }, 420_000);
});
