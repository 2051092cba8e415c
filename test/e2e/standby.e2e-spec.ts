import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithClusters } from '../support/engines.js';
import { SwitchableProxy } from '../support/servers/switchable-proxy.js';
import { type Ended, query, RunningProduct, runCli, runServer } from '../support/processes.js';
import { insertReports } from '../support/reports.js';
import { asAdministrator, databaseUrl, withClient } from '../support/servers/database-servers.js';
import { eventually } from '../support/waiting.js';
import { PostgresCluster } from '../support/servers/postgres-cluster.js';
import { TestDatabase } from '../support/test-database.js';

const HASHED_KEY = Buffer.alloc(32, 7).toString('base64');
const ONE_LINE = /^[A-Z_]+: [^\n]+\n$/;

describeWithClusters('PostgreSQL with a standby', (engine) => {
  let primary: PostgresCluster;
  let standby: PostgresCluster;
  let db: TestDatabase;
  let proxy: SwitchableProxy;
  let product: RunningProduct | null = null;

  beforeAll(async () => {
    primary = await PostgresCluster.start(engine);
    db = await TestDatabase.create(engine, { server: primary.access });
    await db.register('key');
    standby = await primary.startStandby();
    proxy = await SwitchableProxy.start(db.url);
    await primary.catchUp(standby);
  });
  afterEach(async () => {
    await product?.destroy();
    product = null;
  });
  afterAll(async () => {
    await proxy.close();
    await db.dataSource.destroy();
    await db.pool.end();
    await standby.destroy();
    await primary.destroy();
  });

  const settings = (url: string, more: Record<string, string> = {}): Record<string, string> => ({
    DATABASE_URL: url,
    HISTORY_ENGINE: engine,
    GEOCODING_PROVIDER: 'off',
    REFRESH_MIN_GAP_MS: '100',
    PORT: '0',
    ...more,
  });
  const standbyUrl = (): string => databaseUrl(standby.access, db.name);

  type Run = (env: Record<string, string>) => Promise<Ended>;
  const writers: [string, Run][] = [
    ['tracker migrate', (env) => runCli(['migrate'], env)],
    ['tracker migrate --plan', (env) => runCli(['migrate', '--plan'], env)],
    ['tracker move-engine', (env) => runCli(['move-engine'], env)],
    ['tracker import', (env) => runCli(['import', '-'], env, '{}')],
    ['the server', runServer],
  ];

  describe('a standby', () => {
    it.each(writers)('makes %s fail with a one-line error', async (_name, run) => {
      const { code, stdout, stderr } = await run(settings(standbyUrl()));
      expect(stderr).toMatch(ONE_LINE);
      expect(stderr).toMatch(
        /^UNAVAILABLE: The server is a standby, which accepts no writes\. Set the address of the primary/,
      );
      expect(stdout).toBe('');
      expect(code).toBe(1);
    });

    it('makes tracker doctor report what it cannot see', async () => {
      const { code, stdout, stderr } = await runCli(['doctor'], settings(standbyUrl()));
      expect(stderr).toBe(
        'This server is a standby; locks and listeners of the primary are not visible here\n',
      );
      expect(stdout).toMatch(/^engine /);
      expect(code).toBe(stdout.includes('PROBLEM') ? 1 : 0);
    });

    it('lets an API answer queries and log that it is read-only', async () => {
      product = RunningProduct.server(settings(standbyUrl(), { APP_ROLES: 'api' }));
      const address = await product.address();
      expect(product.output).toContain('The API answers queries only, no mutations. The server is a standby');
      expect(await query(address, '{ trackers { name } }')).toEqual({ trackers: [{ name: 'key' }] });
      const response = await fetch(`${address}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          query: `mutation { createTracker(input: { name: "x", hashedAdvertisementKey: "${HASHED_KEY}" }) { id } }`,
        }),
      });
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
    });
  });

  describe('a read-only role', () => {
    beforeAll(() => administer('ALTER ROLE tracker_tests SET default_transaction_read_only = on'));
    afterAll(() => administer('ALTER ROLE tracker_tests RESET default_transaction_read_only'));

    it.each(writers)('makes %s fail with a one-line error', async (_name, run) => {
      const { code, stderr } = await run(settings(db.url));
      expect(stderr).toMatch(ONE_LINE);
      expect(stderr).toMatch(
        /^BAD_CONFIGURATION: The role tracker_tests is read-only \(default_transaction_read_only is on\)\. Run: ALTER ROLE/,
      );
      expect(code).toBe(1);
    });
  });

  // On TimescaleDB with PostGIS nothing depends on the search_path.
  if (engine === 'postgresql')
    describe('a role with a search_path of its own', () => {
      it('is rejected by migrate and the server if the path hides tracker_compat', async () => {
        await administer('ALTER ROLE tracker_tests SET search_path = public, "Other one"');
        try {
          for (const { code, stderr } of [
            await runCli(['migrate'], settings(db.url)),
            await runServer(settings(db.url)),
          ]) {
            expect(stderr).toBe(
              'BAD_CONFIGURATION: The role tracker_tests has a search_path of its own (public, "Other one"), which hides the ' +
                'schema tracker_compat. Run: ALTER ROLE tracker_tests SET search_path = public, "Other one", tracker_compat\n',
            );
            expect(code).toBe(1);
          }
          await administer('ALTER ROLE tracker_tests SET search_path = public, "Other one", tracker_compat');
          expect((await runCli(['migrate'], settings(db.url))).code).toBe(0);
        } finally {
          await administer('ALTER ROLE tracker_tests RESET search_path');
        }
      });
    });

  describe('a process whose sessions are terminated while it starts', () => {
    it('either starts or fails with a one-line error', async () => {
      const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tracker_tests'
        AND application_name LIKE 'tracker-location-history%'`;
      let failed = 0;
      for (let i = 0; i < 8; i++) {
        product = RunningProduct.server(settings(db.url));
        const until = Date.now() + 15_000;
        while (product.child.exitCode === null && !/ at http/.test(product.output) && Date.now() < until) {
          await administer(terminate);
          await new Promise((resolve) => setTimeout(resolve, 5 * i));
        }
        const { exitCode } = product.child;
        if (exitCode === null) await product.address();
        else {
          failed += 1;
          expect(product.output).toMatch(/^UNAVAILABLE: [^\n]+\n$/);
        }
        await product.destroy();
      }
      expect(failed).toBeGreaterThan(0);
    });
  });

  describe('the promotion of a standby', () => {
    it('lets all roles reconnect by themselves when the address moves to the new primary', async () => {
      product = RunningProduct.server(settings(proxy.through(db.url)));
      const address = await product.address();
      const expectShown = (reports: number): Promise<void> =>
        eventually(async () => {
          const sql = 'SELECT coalesce(sum(report_count), 0)::int AS reports FROM location_history';
          const url = reports === 1 ? db.url : standbyUrl();
          expect(
            await withClient(url, async (client) => (await client.query<{ reports: number }>(sql)).rows),
          ).toEqual([{ reports }]);
        }, 60_000);
      await insertReports(db, [{ key: 'key', at: new Date(), latitude: 1, longitude: 2 }]);
      await expectShown(1);
      await primary.catchUp(standby);
      await primary.crash();
      proxy.cut();
      proxy.retarget(standbyUrl()); // before the promotion, like an address that follows the reachable server
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      await standby.promote();

      await withClient(standbyUrl(), (client) =>
        insertReports(
          {
            query: async (sql: string, values?: unknown[]) =>
              (await client.query(sql, values)).rows as never[],
          },
          [{ key: 'key', at: new Date(), latitude: 3, longitude: 4 }],
        ),
      );
      await expectShown(2);
      await eventually(async () => expect((await fetch(`${address}/health/ready`)).status).toBe(200), 60_000);
      await eventually(
        async () =>
          expect(await (await fetch(`${address}/health/ready`)).json()).toMatchObject({ status: 'ok' }),
        60_000,
      );
      const { created } = await query<{ created: { name: string } }>(
        address,
        `mutation { created: createTracker(input: { name: "later", hashedAdvertisementKey: "${HASHED_KEY}" }) { name } }`,
      );
      expect(created).toEqual({ name: 'later' });
      expect(product.child.exitCode).toBeNull();
      expect(product.output).not.toMatch(/^ +at /m);
    });
  });

  const administer = (sql: string): Promise<void> =>
    asAdministrator(primary.access, async (admin) => {
      await admin.query(sql);
    });
});
