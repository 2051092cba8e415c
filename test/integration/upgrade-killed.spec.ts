import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MIGRATION_LOCK, MIGRATION_SESSION_LOCK } from '../../src/migration/migration-lock.js';
import { describeOnEveryEngine } from '../support/engines.js';
import {
  expectHistoryOfModel,
  OldDatabases,
  type OldDatabase,
} from '../support/upgrade/used-version-0.1.0.js';
import { RunningProduct, runCli } from '../support/processes.js';
import { Random } from '../support/random.js';
import { asAdministrator, serverOf, type TestServer } from '../support/servers/database-servers.js';
import { dumpSchema, expectSameSchema, type SchemaDump } from '../support/upgrade/schema-dump.js';
import { expectUnchanged, type Snapshot, takeSnapshot } from '../support/upgrade/upgrade-checks.js';

const KILLS = 20;
const SEED = 20_261_130;
/** Sessions of a migration in a database: each holds one of these locks, unlike the test's own sessions. */
const SESSIONS = `FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
  WHERE d.datname = $1 AND l.locktype = 'advisory' AND l.granted AND l.objid IN (${MIGRATION_LOCK}, ${MIGRATION_SESSION_LOCK})`;
/** One line of error, after the lines of progress. */
const FAILURE =
  /^([\w ;]+\n)*UNAVAILABLE: The connection to the database was lost( \([^\n]+\))?\. Run it again[^\n]+\n$/;

/**
 * Random delays within the duration of an upgrade, which depends on the load of the machine: a delay after which the
 * upgrade was over shortens the next ones, and one after which nothing had happened lengthens them.
 */
class RandomDelays {
  /** @param span the longest delay, in milliseconds. */
  constructor(
    private readonly random: Random,
    private span: number,
  ) {}

  next(): number {
    return this.random.next() * this.span;
  }

  adjust(progress: 'over' | 'some' | 'nothing'): void {
    this.span *= { over: 0.75, some: 1, nothing: 1.2 }[progress];
  }
}

/** Output of `migrate` after running all steps since 0.1.0. */
const RAN = '3 migrations ran';

describeOnEveryEngine('an interrupted upgrade from 0.1.0', (engine) => {
  let databases: OldDatabases;
  /** Rows of every copy before the upgrade. */
  let before: Snapshot;
  /** Schema after an undisturbed upgrade, and the duration of that upgrade in milliseconds. */
  let schema: SchemaDump;
  let duration = 0;

  beforeAll(async () => {
    databases = await OldDatabases.create(engine);
    const copy = await databases.copy();
    const { db } = copy;
    before = await takeSnapshot(db);
    const undisturbed = runCli(['migrate'], env({ db }));
    await untilMigrating(copy);
    const began = performance.now();
    expect(await undisturbed).toMatchObject({ code: 0, stdout: expect.stringContaining(RAN) });
    duration = performance.now() - began;
    schema = await dumpSchema(db.url);
  });
  afterAll(() => databases.drop());

  const env = ({ db }: Pick<OldDatabase, 'db'>): Record<string, string> => ({
    DATABASE_URL: db.url,
    HISTORY_ENGINE: engine,
  });

  /** Waits for the first session of a migration: the program takes longer to start than to upgrade a small database. */
  function untilMigrating({ db }: OldDatabase): Promise<void> {
    return asAdministrator(serverOf(engine) as TestServer, async (admin) => {
      while ((await admin.query(`SELECT ${SESSIONS}`, [db.name])).rowCount === 0) await sleep(5);
    });
  }

  /** Progress: the number of steps, and whether location_history has its new columns or is being rebuilt. */
  async function stage({ db }: OldDatabase): Promise<string> {
    const [row] =
      await db.queryOnNewConnection(`SELECT (SELECT count(*) FROM schema_migrations) || ' steps, ' || (SELECT count(*) FROM pg_attribute
         WHERE attrelid = 'location_history'::regclass AND attname = 'motion') || ' rebuilt, '
         || (to_regclass('location_history_next') IS NOT NULL)::int || ' begun' AS stage`);
    return String(row?.['stage']);
  }

  /** Checks that history is unchanged after the interruption, and that the next run completes the upgrade. */
  async function expectToContinue(old: OldDatabase): Promise<void> {
    await expectUnchanged(old.db, before);
    await old.db.migrate();
    await expectUnchanged(old.db, before);
    expectSameSchema(await dumpSchema(old.db.url), schema);
    await old.db.reconnect();
    await expectHistoryOfModel(old.db, old.model);
  }

  it(`continues when it is run again after kill -9 at any time (seed ${SEED})`, async () => {
    const delays = new RandomDelays(new Random(SEED), duration);
    const reached = new Set<string>();
    let killed = 0;
    for (let i = 0; i < KILLS; i++) {
      const old = await databases.copy();
      const untouched = await stage(old);
      const product = RunningProduct.cli(['migrate'], env(old));
      await untilMigrating(old);
      await sleep(delays.next());
      const { code } = await product.end('SIGKILL');
      killed += code === null ? 1 : 0;
      const found = await stage(old);
      delays.adjust(code !== null ? 'over' : found === untouched ? 'nothing' : 'some');
      reached.add(found);
      await expectToContinue(old);
      await databases.dropCopy(old);
    }
    expect(killed).toBeGreaterThan(KILLS / 2);
    expect(reached.size).toBeGreaterThan(1);
  }, 900_000);

  it(`continues when it is run again after its sessions end at any time (seed ${SEED + 1})`, async () => {
    const delays = new RandomDelays(new Random(SEED + 1), duration);
    let ended = 0;
    for (let i = 0; i < KILLS; i++) {
      const old = await databases.copy();
      const untouched = await stage(old);
      const upgrade = runCli(['migrate'], env(old));
      await untilMigrating(old);
      await sleep(delays.next());
      const sessions = await endSessions(old.db.name);
      const { code, stdout, stderr } = await upgrade;
      if (code === 0) expect(stdout).toContain(RAN);
      else expect(stderr).toMatch(FAILURE);
      expect(code === 0 || sessions > 0).toBe(true);
      ended += code === 0 ? 0 : 1;
      delays.adjust(code === 0 ? 'over' : (await stage(old)) === untouched ? 'nothing' : 'some');
      await expectToContinue(old);
      await databases.dropCopy(old);
    }
    expect(ended).toBeGreaterThan(KILLS / 4);
  }, 900_000);

  /** Terminates the sessions of a migration. @returns their number. */
  function endSessions(database: string): Promise<number> {
    return asAdministrator(serverOf(engine) as TestServer, async (admin) => {
      const { rowCount } = await admin.query(`SELECT pg_terminate_backend(l.pid) ${SESSIONS}`, [database]);
      return rowCount ?? 0;
    });
  }

  it('is run by one of two processes that start it at once', async () => {
    const old = await databases.copy();
    const both = await Promise.all([runCli(['migrate'], env(old)), runCli(['migrate'], env(old))]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(
      both.map(({ stdout }) => /^(\d+ migrations ran|nothing to do)[,;]/m.exec(stdout)?.[1]).sort(),
    ).toEqual([RAN, 'nothing to do']);
    expect(await old.db.value('SELECT count(*) - count(DISTINCT name) FROM schema_migrations')).toBe(0);
    await expectToContinue(old);
  });

  it('is finished after kill -9 by another process that waits', async () => {
    const old = await databases.copy();
    const first = RunningProduct.cli(['migrate'], env(old));
    const second = runCli(['migrate'], env(old));
    await untilMigrating(old);
    await sleep(duration * 0.3);
    await first.end('SIGKILL');
    expect((await second).code).toBe(0);
    await expectToContinue(old);
  });
});
