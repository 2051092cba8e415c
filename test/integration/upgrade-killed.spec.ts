import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { expectHistoryOfModel, OldDatabases, type OldDatabase } from '../support/history-of-0.1.0.js';
import { migrateUp, reconnect, run } from '../support/migrations.js';
import { RunningProduct, runCli } from '../support/product.js';
import { Random } from '../support/random.js';
import { asAdministrator, serverOf, type TestServer } from '../support/servers.js';
import { dumpSchema, expectSameSchema, type SchemaDump } from '../support/schema-dump.js';
import { expectUnchanged, type Snapshot, takeSnapshot } from '../support/snapshot.js';

const KILLS = 20;
const SEED = 20_261_130;
/** In one line, after that of its progress. */
const FAILURE =
  /^([\w ;]+\n)*UNAVAILABLE: The connection to the database was lost \([^\n]+ Run it again[^\n]+\n$/;

describeOnEveryEngine('an upgrade from 0.1.0 that is interrupted', (engine) => {
  let databases: OldDatabases;
  /** What every copy has before. */
  let before: Snapshot;
  /** What it has after an upgrade that nothing disturbs, and how long that takes. */
  let schema: SchemaDump;
  let duration = 0;

  beforeAll(async () => {
    databases = await OldDatabases.create(engine);
    const { db } = await databases.copy();
    before = await takeSnapshot(db);
    const undisturbed = await runCli(['migrate'], env({ db }));
    expect(undisturbed).toMatchObject({ code: 0, stdout: expect.stringContaining('2 migrations ran') });
    duration = undisturbed.ms;
    schema = await dumpSchema(db.url);
  });
  afterAll(() => databases.drop());

  const env = ({ db }: Pick<OldDatabase, 'db'>): Record<string, string> => ({
    DATABASE_URL: db.url,
    HISTORY_ENGINE: engine,
  });

  /** A moment of each of the equal parts of the time that it takes. */
  function moments(seed: number): number[] {
    const random = new Random(seed);
    return Array.from({ length: KILLS }, (_, i) => ((i + random.next()) / KILLS) * duration);
  }

  /** How far it has come: steps that have run, and whether location_history has its new columns. */
  async function stage({ db }: OldDatabase): Promise<string> {
    const [row] = await run(
      db,
      `SELECT (SELECT count(*) FROM schema_migrations) || ' steps, ' || (SELECT count(*) FROM pg_attribute
         WHERE attrelid = 'location_history'::regclass AND attname = 'motion') || ' remade, '
         || (to_regclass('location_history_next') IS NOT NULL)::int || ' begun' AS stage`,
    );
    return String(row?.['stage']);
  }

  /** Whatever was left half done, history was the same all the time; and the next run brings all of it to its end. */
  async function expectToGoOn(old: OldDatabase): Promise<void> {
    await expectUnchanged(old.db, before);
    await migrateUp(old.db);
    await expectUnchanged(old.db, before);
    expectSameSchema(await dumpSchema(old.db.url), schema);
    await reconnect(old.db);
    await expectHistoryOfModel(old.db, old.model);
  }

  it(`by kill -9, at any time, goes on where it is run again (seed ${SEED})`, async () => {
    const reached = new Set<string>();
    let killed = 0;
    for (const moment of moments(SEED)) {
      const old = await databases.copy();
      const product = RunningProduct.cli(['migrate'], env(old));
      await sleep(moment);
      killed += (await product.end('SIGKILL')).code === null ? 1 : 0;
      reached.add(await stage(old));
      await expectToGoOn(old);
      await databases.dropCopy(old);
    }
    expect(killed).toBeGreaterThan(KILLS / 2);
    expect(reached.size).toBeGreaterThan(1);
  }, 900_000);

  it(`by the end of its sessions, at any time, goes on where it is run again (seed ${SEED + 1})`, async () => {
    let ended = 0;
    for (const moment of moments(SEED + 1)) {
      const old = await databases.copy();
      const upgrade = runCli(['migrate'], env(old));
      await sleep(moment);
      const sessions = await endSessions(old.db.name);
      const { code, stdout, stderr } = await upgrade;
      if (code === 0) expect(stdout).toContain('2 migrations ran');
      else expect(stderr).toMatch(FAILURE);
      expect(code === 0 || sessions > 0).toBe(true);
      ended += code === 0 ? 0 : 1;
      await expectToGoOn(old);
      await databases.dropCopy(old);
    }
    expect(ended).toBeGreaterThan(0);
  }, 900_000);

  /** Those of the product, as an administrator ends them. */
  function endSessions(database: string): Promise<number> {
    return asAdministrator(serverOf(engine) as TestServer, async (admin) => {
      const { rowCount } = await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'tracker-location-history'`,
        [database],
      );
      return rowCount ?? 0;
    });
  }

  it('by nothing, from two processes at once, is run by one of them', async () => {
    const old = await databases.copy();
    const both = await Promise.all([runCli(['migrate'], env(old)), runCli(['migrate'], env(old))]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(
      both.map(({ stdout }) => /^(2 migrations ran|nothing to do)[,;]/m.exec(stdout)?.[1]).sort(),
    ).toEqual(['2 migrations ran', 'nothing to do']);
    expect(await old.db.value('SELECT count(*) - count(DISTINCT name) FROM schema_migrations')).toBe(0);
    await expectToGoOn(old);
  });

  it('by kill -9, is brought to its end by another process that waits', async () => {
    const old = await databases.copy();
    const first = RunningProduct.cli(['migrate'], env(old));
    const second = runCli(['migrate'], env(old));
    await sleep(duration * 0.7);
    await first.end('SIGKILL');
    expect((await second).code).toBe(0);
    await expectToGoOn(old);
  });
});
