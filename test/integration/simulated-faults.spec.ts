import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { latestSlot, nextSlot } from '../../src/jobs/slots.js';
import { describeWithClock } from '../support/servers/faketime-cluster.js';
import type { Fault } from '../support/servers/switchable-proxy.js';
import type { TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import { type RecordedRun, recordedRuns } from '../support/services.js';
import { Random } from '../support/random.js';
import { redisIsInstalled, RedisServer } from '../support/servers/server-processes.js';
import { RefresherInstance } from '../support/application.js';
import { expectHistoryOf } from '../support/history.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DAYS = 3;
const BEGIN = new Date('2027-03-27T00:00:00Z');
const KEYS = ['a', 'b', 'c', 'd'];
const JOBS = { maintenance: '7 * * * *', aggregate_refresh: '37 * * * *' };
const INSTANCES = 3;
const STEP_MS = 90_000;

/** Injects a fault; returns a function that ends it. */
type FaultScenario = () => Promise<() => Promise<void> | void>;

describeWithClock('three days of faults', BEGIN, (engine, cluster) => {
  const random = new Random(20261126);
  let db: TestDatabase;
  let redis: RedisServer | null = null;
  const instances: RefresherInstance[] = [];
  /** Reports in the order in which the database acknowledged them. */
  const acknowledged: TestReport[] = [];
  const happened = new Map<string, number>();

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { server: cluster().server });
    for (const key of KEYS) await db.register(key);
    if (redisIsInstalled) redis = await RedisServer.start();
    else process.stderr.write('redis-server is not installed: skipping the Redis faults\n');
    for (let i = 0; i < INSTANCES; i++) instances.push(await RefresherInstance.start(db, redis));
  }, 60_000);
  afterAll(async () => {
    for (const instance of instances) await instance.destroy();
    await redis?.destroy();
    await db.drop();
  });

  const nothing = (): void => undefined;
  const anInstance = (): RefresherInstance => random.pick(instances);
  const proxied =
    (fault: Fault): FaultScenario =>
    () => {
      const { proxy } = anInstance();
      proxy.inject(fault);
      if (fault === 'LISTEN refused' || fault === 'LISTEN lost') proxy.cut(); // so that it has to LISTEN again
      return Promise.resolve(() => proxy.inject('none'));
    };
  const terminate =
    (condition: string): FaultScenario =>
    async () => {
      await db.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${condition}`,
      );
      return nothing;
    };
  const faultScenarios: Record<string, FaultScenario> = {
    'a listener is terminated': terminate(`application_name LIKE '%listener%'`),
    'all sessions are terminated': terminate(`backend_type = 'client backend'`),
    'a black hole': proxied('black hole'),
    'LISTEN is refused': proxied('LISTEN refused'),
    'LISTEN is lost': proxied('LISTEN lost'),
    'the database is down for one instance': proxied('down'),
    'the database crashes': async () => {
      await cluster().crashAndRestart();
      return nothing;
    },
    'an instance is stopped': async () => {
      const instance = anInstance();
      await instance.stop();
      return () => instance.start();
    },
    ...(redisIsInstalled && {
      'Redis is stopped': async () => {
        await redis?.stop();
        return () => redis?.start();
      },
      'Redis is flushed': async () => {
        await redis?.client.flushall();
        return nothing;
      },
      'Redis hangs': () => {
        redis?.suspend();
        return Promise.resolve(() => redis?.resume());
      },
    }),
  };

  /** Sends reports until they are acknowledged, and records them. A report counts once, however often it is sent. */
  async function sendUntilAcknowledged(
    reports: readonly TestReport[],
    how: 'INSERT' | 'import',
  ): Promise<void> {
    await eventually(async () => {
      if (how === 'import') await ingestReports(db, reports);
      else await insertReports(db, reports, 'ON CONFLICT DO NOTHING');
    }, 60_000);
    acknowledged.push(...reports);
  }

  /** Sends new reports, late ones, and some that were acknowledged already. */
  async function report(now: Date): Promise<void> {
    const fresh = random.reports(12, KEYS, new Date(now.getTime() - 2 * HOUR), now);
    const late = random.reports(4, KEYS, new Date(now.getTime() - 5 * DAY), now);
    const again = acknowledged.filter(() => random.oneIn(50));
    for (const part of [fresh, late, again]) {
      await sendUntilAcknowledged(random.shuffle(part), random.oneIn(2) ? 'INSERT' : 'import');
    }
  }

  /**
   * Waits for work that a fault may delay, but not prevent.
   *
   * @throws Error that lists the sessions of the database if the work takes too long.
   */
  async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
    const settled = new AbortController();
    const late = sleep(STEP_MS, undefined, { ref: false, signal: settled.signal }).then(async () => {
      const sessions = await db.query(
        `SELECT pid, application_name, backend_type, state, wait_event_type, wait_event, pg_blocking_pids(pid) AS blocked_by,
           left(query, 200) AS query FROM pg_stat_activity WHERE datname = current_database()`,
      );
      throw new Error(`${what} did not end in time. Sessions: ${JSON.stringify(sessions, null, 1)}`);
    });
    return Promise.race([work, late]).finally(() => settled.abort());
  }

  it('lose no report, and run every slot once', async () => {
    // Each kind occurs as often as the others, in a random order.
    const kinds = Object.keys(faultScenarios);
    const plan = random.shuffle([...kinds, ...kinds]);
    let now = BEGIN;
    const end = BEGIN.getTime() + DAYS * DAY;
    const step = (DAYS * DAY) / (2 * plan.length); // every other step has a fault
    for (let i = 0; plan.length > 0 || now.getTime() < end; i++) {
      now = new Date(now.getTime() + step + random.int(10 * MINUTE));
      await cluster().setClock(now);
      const kind = i % 2 === 1 ? plan.pop() : undefined;
      const begun = [report(now), ...instances.map((instance) => instance.tick())];
      await sleep(random.int(300)); // the fault begins at any point of the work
      const endFault =
        kind === undefined ? nothing : await inTime(kind, (faultScenarios[kind] as FaultScenario)());
      if (kind !== undefined) happened.set(kind, (happened.get(kind) ?? 0) + 1);
      begun.push(...instances.map((instance) => instance.tick()));
      await sleep(random.int(300));
      await inTime(`ending "${kind ?? ''}"`, Promise.resolve(endFault()));
      await inTime(`the work during "${kind ?? ''}"`, Promise.all(begun));
      await inTime(
        `the work after "${kind ?? ''}"`,
        Promise.all(instances.map((instance) => instance.tick())),
      );
    }
    expect(plan).toEqual([]);
    expect(happened.size).toBe(kinds.length);

    // No more faults: every job completes its latest slot, and the refreshers catch up without help.
    await cluster().setClock(new Date(now.getTime() + 2 * HOUR));
    await eventually(async () => {
      await Promise.all(instances.map((instance) => instance.tick()));
      for (const [job, cron] of Object.entries(JOBS)) {
        const done = (await recordedRuns(db, job)).filter(({ outcome }) => outcome === 'done').at(-1);
        const clock = await db.value<Date>('SELECT now()');
        expect([job, done?.slot]).toEqual([job, latestSlot(cron, clock)]);
      }
    }, 90_000);
    await eventually(async () => {
      expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0);
      expect(await db.value('SELECT changes > refreshed FROM refresh_state')).toBe(false);
    }, 60_000);
    await expectHistoryOf(db, acknowledged);
  }, 420_000);

  it.each(Object.entries(JOBS))(
    'run every slot of %s once, or record which run covers it',
    async (job, cron) => {
      const done = (await recordedRuns(db, job)).filter(
        (run): run is RecordedRun & { slot: Date } => run.outcome === 'done' && run.slot !== null,
      );
      expect(done.length).toBeGreaterThan(20);
      const slots = done.map(({ slot }) => slot.getTime());
      expect(new Set(slots).size).toBe(slots.length);
      const last = Math.max(...slots);
      for (let slot = new Date(Math.min(...slots)); slot.getTime() < last; slot = nextSlot(cron, slot)) {
        const covering = done.filter((run) => (run.covers_from ?? run.slot) <= slot && slot <= run.slot);
        expect([slot, covering.length]).toEqual([slot, 1]);
      }
    },
  );

  it('run maintenance on every instance', () => {
    for (const { maintenanceRuns } of instances) expect(maintenanceRuns).toBeGreaterThan(0);
  });
});
