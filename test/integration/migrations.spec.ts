import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrations } from '../../migrations/index.js';
import type { SpatialLayer } from '../../src/config/env.schema.js';
import { connectTo } from '../support/servers/database-servers.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import { describeOnEveryLayer, POSTGIS } from '../support/engines.js';
import { objectsOf } from '../support/upgrade/upgrade-checks.js';
import { Random } from '../support/random.js';
import { expectHistoryOf, historyToday, maintain } from '../support/history.js';
import { sessionWaitingForLock } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const ALL = migrations.map(({ name }) => name);

describeOnEveryLayer('migrations', (layer: SpatialLayer) => {
  let db: TestDatabase;
  beforeEach(async () => {
    db = await TestDatabase.create('postgresql', { empty: true, env: { SPATIAL_LAYER: layer } });
  });
  afterEach(() => db.drop());

  /** Stores reports on both sides of the horizon, by INSERT and by an ingest. */
  async function storeReports(): Promise<TestReport[]> {
    await db.reconnect();
    const today = await historyToday(db);
    await db.register('a');
    const reports = new Random(5).reports(200, ['a'], at(today, -9, '00:00:00'), at(today, 0, '00:00:00'));
    await insertReports(db, reports.slice(0, 100));
    await ingestReports(db, reports.slice(100));
    await expectHistoryOf(db, reports);
    return reports;
  }

  it('create a database that works, and do nothing the second time', async () => {
    expect(await db.migrate()).toEqual({
      ran: ALL,
      definitions: true,
      remade: true,
      engine: 'postgresql',
      spatialLayer: layer,
      warnings: [],
    });
    const reports = await storeReports();
    const objects = await objectsOf(db);
    expect(await db.migrate()).toMatchObject({
      ran: [],
      definitions: false,
      remade: false,
      spatialLayer: layer,
    });
    expect(await objectsOf(db)).toEqual(objects);
    await expectHistoryOf(db, reports);
  });

  it('are undone without a trace, and can run again', async () => {
    const before = await objectsOf(db);
    expect(await db.undoMigrations()).toBe(0);
    await db.migrate();
    const created = await objectsOf(db);
    await db.queryOnNewConnection(`INSERT INTO trackers (name, hashed_adv_key) VALUES ('x', 'x')`);
    expect(await db.undoMigrations()).toBe(ALL.length);
    const ledger = ['schema_migrations', 'schema_migrations_id_seq', 'PK_'];
    const left = (await objectsOf(db)).filter((name) => !ledger.some((part) => name.includes(part)));
    expect(left).toEqual(before);
    expect(await db.queryOnNewConnection('SHOW search_path')).toEqual([{ search_path: '"$user", public' }]);
    expect(await db.undoMigrations()).toBe(0);

    expect((await db.migrate()).ran).toEqual(ALL);
    expect(await objectsOf(db)).toEqual(created);
    await storeReports();
  });

  it('run once when several processes start them at the same time', async () => {
    const reports = await Promise.all([db.migrate(), db.migrate(), db.migrate()]);
    expect(reports.map(({ ran }) => ran.length).sort()).toEqual([0, 0, ALL.length]);
    await storeReports();
  });

  it('are undone once when several processes undo them at the same time', async () => {
    await db.migrate();
    const undone = await Promise.all([db.undoMigrations(), db.undoMigrations()]);
    expect(undone.sort()).toEqual([0, ALL.length]);
  });

  it('wait for a running migration, and continue when it is killed', async () => {
    // A transaction holds a lock that the first migration needs.
    await db.queryOnNewConnection(
      'CREATE TABLE trackers (id bigint PRIMARY KEY, name text, hashed_adv_key text)',
    );
    const holder = await connectTo(db.url);
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE trackers');
    const first = expect(db.migrate()).rejects.toThrow(/terminat/);
    const pid = await sessionWaitingForLock(db, '%trackers%');
    const second = db.migrate();
    await db.queryOnNewConnection('SELECT pg_terminate_backend($1)', [pid]);
    await first;
    await holder.query('ROLLBACK');
    await holder.end();
    expect((await second).ran).toEqual(ALL.slice(1));
    await storeReports();
  });
});

describe('a database with the built-in spatial layer', () => {
  (POSTGIS ? it : it.skip)(
    `keeps working when PostGIS is installed later${POSTGIS ? '' : ' [skipped: the server has no PostGIS]'}`,
    async () => {
      const db = await TestDatabase.create('postgresql', { env: { SPATIAL_LAYER: 'builtin' } });
      try {
        const today = await historyToday(db);
        await db.register('a');
        const reports = new Random(6).reports(60, ['a'], at(today, -9, '00:00:00'), at(today, 0, '00:00:00'));
        await insertReports(db, reports.slice(0, 30));
        await db.administer('CREATE EXTENSION postgis');

        expect(await ingestReports(db, reports.slice(30))).toMatchObject({ late: expect.any(Number) });
        await maintain(db);
        await db.query(`UPDATE location_reports SET confidence = confidence`);
        await db.query(`CALL refresh_continuous_aggregate('location_history_daily', NULL, NULL)`);
        await expectHistoryOf(db, reports);
      } finally {
        await db.drop();
      }
    },
  );
});
