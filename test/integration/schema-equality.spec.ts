import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { moveToTimescaledb } from '../../src/migration/engine-mover.js';
import { migrations } from '../../migrations/index.js';
import { readFoundation } from '../../src/migration/migrator.js';
import { ownedObjects } from '../../src/migration/undo.js';
import { describeOnEveryEngine, describeOnTimescale } from '../support/engines.js';
import { createUsedVersion010, earlierTable } from '../support/upgrade/used-version-0.1.0.js';
import { at, type TestReport, utcDay } from '../support/history-oracle.js';
import { dumpSchema, expectSameSchema, type SchemaDump } from '../support/upgrade/schema-dump.js';
import { readHistory } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { compressChunks, runSteps } from '../support/upgrade/version-0.1.0.js';
import { TestDatabase } from '../support/test-database.js';

const opened: TestDatabase[] = [];

/** Creates a new database, with the same earlier table as the upgraded one. */
async function createNew(engine: HistoryEngine, env: Record<string, string> = {}): Promise<TestDatabase> {
  const db = await TestDatabase.create(engine, { empty: true, env });
  opened.push(db);
  await db.queryOnNewConnection(earlierTable(utcDay(new Date())));
  await db.migrate();
  await db.reconnect();
  return db;
}

async function createUpgraded(
  engine: HistoryEngine,
  env: Record<string, string> = {},
): Promise<TestDatabase> {
  const { db } = await createUsedVersion010(engine, env);
  opened.push(db);
  await db.migrate();
  await db.reconnect();
  return db;
}

/** Creates a database whose upgrade was interrupted after step 0002. */
async function createHalfUpgraded(engine: HistoryEngine): Promise<TestDatabase> {
  const { db } = await createUsedVersion010(engine);
  opened.push(db);
  await runSteps(db, ['0001', '0002']);
  return db;
}

async function moveEngine(db: TestDatabase): Promise<TestDatabase> {
  await moveToTimescaledb({ ...db.config, HISTORY_ENGINE: 'auto' }, db.url);
  await db.reconnect();
  return db;
}

/** Dumps the schema after adding data, so that it has chunks of every kind and later partitions. */
async function dumpInUse(db: TestDatabase): Promise<SchemaDump> {
  const today = utcDay(new Date());
  const reports = [-1, 0].map((day): TestReport => ({
    key: 'in use',
    at: at(today, day, '00:00:00'),
    latitude: 1,
    longitude: 2,
  }));
  await insertReports(db, reports);
  await readHistory(db);
  const [state] = await db.queryOnNewConnection('SELECT engine FROM history_state');
  if (state?.['engine'] === 'timescaledb') await compressChunks(db, today);
  await db.queryOnNewConnection('SELECT make_report_partitions(20)');
  return dumpSchema(db.url);
}

afterAll(async () => {
  for (const db of opened) await db.drop();
});

describeOnEveryEngine('the schema', (engine) => {
  let fresh: TestDatabase;
  beforeAll(async () => {
    fresh = await createNew(engine);
  });

  it('after an upgrade from 0.1.0 equals the schema of a new database', async () => {
    const upgraded = await createUpgraded(engine);
    expectSameSchema(await dumpInUse(upgraded), await dumpInUse(fresh));
  });

  it('has only tables that undo removes', async () => {
    const tables = await fresh.queryOnNewConnection(`SELECT c.relname AS name FROM pg_class AS c
       WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
         AND c.relname NOT LIKE '%\\_backup' AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')`);
    const foundation = await readFoundation(fresh.dataSource);
    if (!foundation) throw new Error('it is not migrated');
    const owned = ownedObjects(
      foundation,
      migrations.map((step) => new step()),
      true,
    );
    const known = [...owned.tables, 'schema_migrations', 'trackers'];
    expect(tables.map(({ name }) => String(name)).filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each([
    ['a new database', createNew],
    ['an upgraded one', createUpgraded],
    ['a half upgraded one', createHalfUpgraded],
  ])('is removed without a trace when %s is undone', async (_what, create) => {
    const before = await TestDatabase.create(engine, { empty: true });
    opened.push(before);
    await before.queryOnNewConnection(earlierTable(utcDay(new Date())));
    const db = await create(engine);
    if (create !== createHalfUpgraded) await dumpInUse(db);
    await db.undoMigrations();
    expectSameSchema(await dumpSchema(db.url), await dumpSchema(before.url));
  });
});

describeOnTimescale('the schema of a database that moved from the postgresql engine', () => {
  const FROM = { HISTORY_ENGINE: 'postgresql' };

  it.each([
    ['a new one', createNew],
    ['an upgraded one', createUpgraded],
  ])('equals the schema of a database created on timescaledb: %s', async (_what, create) => {
    const db = await moveEngine(await create('timescaledb', FROM));
    expectSameSchema(await dumpInUse(db), await dumpInUse(await createNew('timescaledb')));
  });

  it('is removed without a trace when it is undone', async () => {
    const before = await TestDatabase.create('timescaledb', { empty: true });
    opened.push(before);
    await before.queryOnNewConnection(earlierTable(utcDay(new Date())));
    const db = await moveEngine(await createNew('timescaledb', FROM));
    await dumpInUse(db);
    await db.undoMigrations();
    expectSameSchema(await dumpSchema(db.url), await dumpSchema(before.url));
  });
});
