import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithPgBouncer } from '../support/engines.js';
import { historyToday } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { LiveClient } from '../support/application.js';
import { PgBouncer, type PoolMode } from '../support/servers/server-processes.js';
import { type Ended, query, RunningProduct, runCli, runServer } from '../support/processes.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const TOKEN = 'a-token-of-the-import-that-is-long';
const REPORTS = 2_500;

describeWithPgBouncer('the product behind a pooler', (engine) => {
  let db: TestDatabase;
  let bouncer: PgBouncer;
  let product: RunningProduct | null = null;

  afterEach(async () => {
    await product?.destroy();
    product = null;
  });

  const settings = (more: Record<string, string>): Record<string, string> => ({
    DATABASE_URL: bouncer.url,
    HISTORY_ENGINE: engine,
    GEOCODING_PROVIDER: 'off',
    IMPORT_TOKEN: TOKEN,
    IMPORT_BATCH_SIZE: '100',
    REFRESH_MIN_GAP_MS: '100',
    PORT: '0',
    ...more,
  });

  async function setUp(mode: PoolMode, empty: boolean): Promise<void> {
    db = await TestDatabase.create(engine, { empty });
    bouncer = await PgBouncer.start(db.url, mode);
  }
  async function tearDown(): Promise<void> {
    await bouncer.destroy();
    await db.drop();
  }

  async function start(more: Record<string, string>): Promise<string> {
    product = RunningProduct.server(settings(more));
    return product.address();
  }

  const createTracker = async (address: string, name: string): Promise<string> => {
    const mutation = `mutation { createTracker(input: { name: "${name}", hashedAdvertisementKey: "${keyOf(name)}" }) { id } }`;
    return (await query<{ createTracker: { id: string } }>(address, mutation)).createTracker.id;
  };

  const countStored = (name: string): Promise<number> =>
    db.value<number>('SELECT count(*) FROM location_reports WHERE hashed_adv_key = $1', [keyOf(name)]);

  /** Imports reports of yesterday, one a second. @returns the ledger. */
  async function importReports(address: string, name: string): Promise<unknown> {
    const began = at(await historyToday(db), -1, '06:00:00').getTime();
    const body = Array.from({ length: REPORTS }, (_, i) => {
      const timestamp = new Date(began + i * 1000).toISOString();
      return JSON.stringify({ tracker: name, timestamp, latitude: 50 + i / 10_000, longitude: 8 });
    }).join('\n');
    const response = await fetch(`${address}/import/reports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/x-ndjson' },
      body,
    });
    return response.json();
  }

  /** Checks live updates, import, createLocationReport, history, export and health of a server. */
  async function expectToWork(address: string): Promise<void> {
    const name = `walker ${Date.now()}`;
    const id = await createTracker(address, name);
    const live = new LiveClient(address);
    try {
      const { seen, errors } = live.subscribe([id], new Date(Date.now() - 60_000));
      expect(await importReports(address, name)).toMatchObject({
        read: REPORTS,
        stored: REPORTS,
        rejected: 0,
      });
      expect(await countStored(name)).toBe(REPORTS);
      const report = `trackerId: "${id}", timestamp: "${new Date().toISOString()}", latitude: 3, longitude: 7`;
      const mutation = `mutation { created: createLocationReport(input: { ${report} }) { outcome } }`;
      expect(await query(address, mutation)).toEqual({ created: { outcome: 'STORED' } });
      await eventually(() => expect(seen.map(({ location }) => location.latitude)).toContain(3));
      expect(errors).toEqual([]);
    } finally {
      await live.close();
    }
    await eventually(async () => {
      const shown = await db.value<unknown>(
        'SELECT sum(report_count) FROM location_history WHERE tracker_id = $1',
        [id],
      );
      expect(Number(shown)).toBe(REPORTS + 1);
    }, 60_000);
    const exported = await fetch(
      `${address}/export/history.ndjson?trackerId=${id}&detail=reports&startTime=2020-01-01T00:00:00Z&endTime=2100-01-01T00:00:00Z`,
    );
    expect((await exported.text()).trim().split('\n')).toHaveLength(REPORTS + 1);
    const { health } = await query<{ health: { problems: string[] } }>(
      address,
      '{ health: historyHealth { problems } }',
    );
    expect(health.problems).toEqual([]);
  }

  const locksOnPooledBackends = async (): Promise<unknown[]> =>
    db.query(
      `SELECT l.objid, a.state, a.query FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
       WHERE l.locktype = 'advisory' AND l.pid = ANY ($1) AND a.state = 'idle'`,
      [await bouncer.backends()],
    );

  describe('in transaction mode', () => {
    beforeAll(() => setUp('transaction', true));
    afterAll(tearDown);

    const commands: [string, (env: Record<string, string>) => Promise<Ended>][] = [
      ['the server', runServer],
      ['tracker migrate', (env) => runCli(['migrate'], env)],
      ['tracker migrate --undo', (env) => runCli(['migrate', '--undo', '--drop-history'], env)],
      ['tracker move-engine', (env) => runCli(['move-engine'], env)],
      ['tracker import', (env) => runCli(['import', '-'], env)],
    ];
    it.each(commands)(
      '%s without a direct address fails with a one-line error, and leaves no lock',
      async (_name, run) => {
        const { code, stdout, stderr } = await run(settings({}));
        expect(stderr).toMatch(
          /^BAD_CONFIGURATION: DATABASE_URL \(127\.0\.0\.1:\d+\/\w+\) is a pooler in transaction mode, [^\n]+: set DATABASE_DIRECT_URL [^\n]+\n$/,
        );
        expect(stdout).toBe('');
        expect(code).toBe(1);
        expect(await locksOnPooledBackends()).toEqual([]);
      },
    );

    it('DATABASE_DIRECT_URL is rejected if it leads to the pooler or to another database', async () => {
      const toPooler = await runCli(
        ['migrate'],
        settings({ DATABASE_DIRECT_URL: withParameter(bouncer.url) }),
      );
      expect(toPooler.stderr).toMatch(
        /^BAD_CONFIGURATION: DATABASE_DIRECT_URL \(\S+\) is a pooler in transaction mode, [^\n]+\n$/,
      );
      const other = await TestDatabase.create(engine, { empty: true });
      try {
        const { stderr } = await runCli(['migrate'], settings({ DATABASE_DIRECT_URL: other.url }));
        expect(stderr).toMatch(
          /^BAD_CONFIGURATION: DATABASE_URL and DATABASE_DIRECT_URL lead to different databases [^\n]+\n$/,
        );
      } finally {
        await other.drop();
      }
    });

    describe('with DATABASE_DIRECT_URL', () => {
      beforeAll(async () => {
        const migrated = await runCli(['migrate'], settings({ DATABASE_DIRECT_URL: db.url }));
        expect(migrated).toMatchObject({ code: 0 });
      });

      // The pooler has sessions from before migrate set the search_path of the database.
      it('everything works, and no session keeps a lock', async () => {
        const address = await start({ DATABASE_DIRECT_URL: db.url });
        await expectToWork(address);
        expect(await locksOnPooledBackends()).toEqual([]);
        expect((await bouncer.backends()).length).toBeGreaterThan(0);
        expect(await product?.end('SIGTERM')).toMatchObject({ code: 0 });
        expect(await locksOnPooledBackends()).toEqual([]);
      });

      it('everything works again after a restart of the pooler', async () => {
        const address = await start({ DATABASE_DIRECT_URL: db.url });
        await bouncer.stop();
        await eventually(async () => {
          const { status } = await fetch(`${address}/health/ready`);
          expect(status).toBe(503);
        });
        await bouncer.start();
        await eventually(async () => {
          const { status } = await fetch(`${address}/health/ready`);
          expect(status).toBe(200);
        });
        await expectToWork(address);
      });

      it('everything works with DATABASE_LISTEN_URL, which is logged as deprecated', async () => {
        const address = await start({ DATABASE_LISTEN_URL: db.url });
        expect(product?.output).toContain(
          'DATABASE_LISTEN_URL is deprecated: rename it to DATABASE_DIRECT_URL',
        );
        await expectToWork(address);
        expect(await locksOnPooledBackends()).toEqual([]);
      });
    });
  });

  describe('in session mode', () => {
    beforeAll(() => setUp('session', true));
    afterAll(tearDown);

    it('everything works over the pooler alone', async () => {
      expect(await runCli(['migrate'], settings({}))).toMatchObject({ code: 0 });
      await expectToWork(await start({}));
    });
  });
});

/** The same address, written differently. */
function withParameter(url: string): string {
  const address = new URL(url);
  address.searchParams.set('application_name', 'other');
  return address.href;
}

/** Encodes a name as a hashed advertisement key: base64 of 32 bytes. */
function keyOf(name: string): string {
  return Buffer.from(name.padEnd(32, '.')).toString('base64');
}
