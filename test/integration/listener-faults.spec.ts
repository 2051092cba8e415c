import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startEmbeddedCluster } from '../../src/embedded/embedded-cluster.js';
import { PgListener } from '../../src/pg-listener/pg-listener.js';
import { SingleFlight } from '../../src/pg-listener/single-flight.js';
import { SwitchableProxy } from '../support/servers/switchable-proxy.js';
import { newDataFolder } from '../support/processes.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const LISTENERS = `SELECT pid FROM pg_stat_activity
  WHERE application_name = 'tracker-location-history listener refresh_location_history' AND datname = current_database()`;
const TIMES = { heartbeatMs: 200, answerMs: 300 };

/** Uses a listener like the refresher, but does not poll: a missed change is never processed. */
class RefreshListener {
  readonly listener: PgListener;
  /** Number of times that it caught up after a LISTEN. */
  caughtUp = 0;
  notified: string[] = [];
  readonly messages: string[] = [];
  private readonly work: SingleFlight;

  constructor(db: TestDatabase, url: string, times: { heartbeatMs?: number; answerMs?: number } = {}) {
    this.work = new SingleFlight(
      async () => {
        await db.aggregates.aggregateChanges().catch(() => this.work.poke());
      },
      () => 20,
    );
    this.listener = new PgListener({
      url,
      channel: 'refresh_location_history',
      onNotification: (payload) => {
        this.notified.push(payload);
        this.work.poke();
      },
      onListening: () => {
        this.caughtUp += 1;
        this.work.poke();
      },
      onState: (message) => this.messages.push(message),
      ...times,
    });
  }

  get isListening(): boolean {
    return this.listener.state.listening;
  }

  /** The logged waits between attempts to connect, in milliseconds. */
  get waits(): number[] {
    return this.messages.flatMap((line) => {
      const wait = /trying again in (\d+) ms/.exec(line)?.[1];
      return wait === undefined ? [] : [Number(wait)];
    });
  }

  async stop(): Promise<void> {
    await this.listener.stop();
    await this.work.drain();
  }
}

describe('a listener', () => {
  let db: TestDatabase;
  let proxy: SwitchableProxy;
  let refresher: RefreshListener;
  let today: Date;
  const reports: TestReport[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create('postgresql');
    proxy = await SwitchableProxy.start(db.url);
    today = await historyToday(db);
    await db.register('a');
  });
  afterAll(async () => {
    await proxy.close();
    await db.drop();
  });
  beforeEach(async () => {
    proxy.inject('none');
    refresher = new RefreshListener(db, proxy.through(db.url), TIMES);
    refresher.listener.start();
    await listening();
    await noMarkers();
  });
  afterEach(async () => {
    await refresher.stop();
    proxy.inject('none');
    await eventually(async () => expect(await db.query(LISTENERS)).toEqual([]));
  });

  const listening = (): Promise<void> => eventually(() => expect(refresher.isListening).toBe(true));
  const notListening = (): Promise<void> => eventually(() => expect(refresher.isListening).toBe(false));
  const noMarkers = (): Promise<void> =>
    eventually(async () => expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0));
  async function report(): Promise<void> {
    const next = { key: 'a', at: at(today, -1, '10:00:00'), latitude: 1, longitude: 2 };
    next.at.setSeconds(reports.length);
    await insertReports(db, [next]);
    reports.push(next);
  }

  const terminate = (): Promise<unknown> =>
    db.query(`SELECT pg_terminate_backend(pid) FROM (${LISTENERS}) AS l`);
  const breakdowns: [string, () => unknown][] = [
    ['its session is terminated', terminate],
    ['its connection becomes a black hole', () => proxy.inject('black hole')],
    ['its connection is reset', () => proxy.cut()],
    [
      'LISTEN is refused, as by a hot standby',
      () => {
        proxy.inject('LISTEN refused');
        proxy.cut();
      },
    ],
    ['the server is down', () => proxy.inject('down')],
  ];
  it.each(breakdowns)('reconnects when %s, and catches up once', async (_, breakDown) => {
    const before = refresher.caughtUp;
    await breakDown();
    await notListening();
    expect(refresher.listener.state).toMatchObject({ listening: false, reason: expect.any(String) });
    await report(); // while nobody listens
    proxy.inject('none');
    await listening();
    await noMarkers();
    expect(refresher.caughtUp).toBe(before + 1);
    expect(await db.query(LISTENERS)).toHaveLength(1);

    const notified = refresher.notified.length;
    await report();
    await noMarkers();
    expect(refresher.notified.length).toBe(notified + 1);
    expect(refresher.caughtUp).toBe(before + 1);
    await expectHistoryOf(db, reports);
  });

  it('retries at growing intervals while LISTEN is refused, and quickly again after a success', async () => {
    proxy.inject('LISTEN refused');
    proxy.cut();
    await eventually(() => expect(refresher.waits.length).toBeGreaterThanOrEqual(5));
    const longest = Math.max(...refresher.waits); // each is random
    expect(longest).toBeGreaterThan(refresher.waits[0] as number);
    proxy.inject('none');
    await listening();
    const tries = refresher.waits.length;
    proxy.cut();
    await notListening();
    expect(refresher.waits[tries]).toBeLessThan(longest);
  });

  it('notices that its LISTEN was lost, as behind a pooler in transaction mode', async () => {
    proxy.inject('LISTEN lost');
    proxy.cut();
    await eventually(() =>
      expect(refresher.listener.state).toMatchObject({ reason: expect.stringContaining('pooler') }),
    );
    proxy.inject('none');
    await report();
    await listening();
    await noMarkers();
  });

  it('keeps listening while its heartbeats are answered', async () => {
    await sleep(5 * TIMES.heartbeatMs);
    expect(refresher.isListening).toBe(true);
    expect(refresher.caughtUp).toBe(1);
  });

  it('receives notifications that are sent by hand', async () => {
    await db.query(`SELECT pg_notify('refresh_location_history', 'test')`);
    await eventually(() => expect(refresher.notified).toEqual(['test']));
    expect(refresher.listener.state).toMatchObject({ listening: true, lastNotification: expect.any(Date) });
  });

  it.each([
    ['listens', () => undefined],
    ['waits to try again', () => proxy.inject('down')],
    ['waits for an answer', () => proxy.inject('black hole')],
  ])('stops while it %s, and does not reconnect', async (_, prepare) => {
    prepare();
    if (refresher.isListening) await sleep(50);
    await refresher.stop();
    const { accepted } = proxy;
    await sleep(600);
    expect(proxy.accepted).toBe(accepted);
    expect(refresher.listener.state).toMatchObject({ listening: false, reason: 'stopped' });
  });
});

it('a listener reconnects and catches up after each restart of the database', async () => {
  const folder = newDataFolder();
  const settings = { fsync: 'off', full_page_writes: 'off' };
  let cluster = await startEmbeddedCluster({ dataDir: folder, settings });
  const proxy = await SwitchableProxy.start(cluster.url);
  const db = await TestDatabase.create('postgresql', { server: { admin: proxy.through(cluster.url) } });
  const refresher = new RefreshListener(db, db.url, TIMES);
  try {
    await db.register('a');
    refresher.listener.start();
    await eventually(() => expect(refresher.caughtUp).toBe(1));
    for (let round = 1; round <= 2; round++) {
      await cluster.stop();
      await eventually(() => expect(refresher.isListening).toBe(false));
      cluster = await startEmbeddedCluster({ dataDir: folder, settings });
      proxy.retarget(cluster.url);
      await eventually(() => expect(refresher.isListening).toBe(true), 30_000);
      expect(refresher.caughtUp).toBe(1 + round);
      const moment = at(await historyToday(db), -1, `10:00:0${round}`);
      await insertReports(db, [{ key: 'a', at: moment, latitude: 1, longitude: 2 }]);
      await eventually(async () => expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0));
    }
  } finally {
    await refresher.stop();
    await db.drop();
    await proxy.close();
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
