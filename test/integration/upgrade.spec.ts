import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { planMigration } from '../../src/migration/migrator.js';
import { PROGRAM_VERSION } from '../../src/database/schema/program-version.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { expectUnchanged, OtherRole, takeSnapshot } from '../support/upgrade/upgrade-checks.js';
import {
  OldDatabases,
  expectHistoryOfModel,
  KEYS_010,
  type OldDatabase,
} from '../support/upgrade/used-version-0.1.0.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { copyReports, ingestReports, insertReports } from '../support/reports.js';
import { Random } from '../support/random.js';
import { boundaries, DOCUMENTED_REFRESH, keepRaw, maintain } from '../support/history.js';
import { dumpSchema, expectSameSchema } from '../support/upgrade/schema-dump.js';
import { insert } from '../support/upgrade/version-0.1.0.js';
import { TestDatabase } from '../support/test-database.js';

const STEPS = ['AddDeviceFields1767000000001', 'RemakeAggregates1767000000002', 'GuardHistory1769000000001'];

describeOnEveryEngine('an upgrade from 0.1.0', (engine) => {
  let databases: OldDatabases;
  let role: OtherRole;
  beforeAll(async () => {
    databases = await OldDatabases.create(engine);
    role = await OtherRole.create(engine);
  });
  afterAll(async () => {
    await databases.drop();
    await role.drop();
  });

  async function upgraded(): Promise<OldDatabase> {
    const old = await databases.copy();
    expect((await old.db.migrate()).ran).toEqual(STEPS);
    await old.db.reconnect();
    return old;
  }

  it('leaves every row as it was, and does nothing the second time', async () => {
    const { db, model } = await databases.copy();
    const before = await takeSnapshot(db);
    expect(await db.migrate()).toMatchObject({ ran: STEPS, definitions: true, remade: true });
    await expectUnchanged(db, before);
    const schema = await dumpSchema(db.url);
    expect(await db.migrate()).toMatchObject({ ran: [], definitions: false, remade: false });
    expectSameSchema(await dumpSchema(db.url), schema);
    await expectUnchanged(db, before);
    await db.reconnect();
    await expectHistoryOfModel(db, model);
    await expectUnchanged(db, before);
  });

  it('leaves a ledger that still accounts for every report', async () => {
    const { db } = await upgraded();
    const wrong = await db.query(
      `SELECT r.id FROM import_runs AS r
       LEFT JOIN LATERAL (SELECT sum(stored) AS stored, sum(late) AS late, sum(duplicate) AS duplicate
         FROM import_run_trackers AS t WHERE t.run_id = r.id) AS of_trackers ON true
       LEFT JOIN LATERAL (SELECT sum(reports) AS rejected, sum(kept) AS kept, sum(retaken) AS retaken
         FROM import_run_rejections AS j WHERE j.run_id = r.id) AS of_reasons ON true
       WHERE r.read <> r.stored + r.late + r.duplicate + r.rejected OR r.read <> r.reports_given + r.items_given
         OR (r.stored, r.late, r.duplicate, r.rejected) IS DISTINCT FROM (coalesce(of_trackers.stored, 0),
           coalesce(of_trackers.late, 0), coalesce(of_trackers.duplicate, 0), coalesce(of_reasons.rejected, 0))
         OR coalesce(of_reasons.kept - of_reasons.retaken, 0) <> (SELECT count(*) FROM rejected_reports AS q WHERE q.run_id = r.id)`,
    );
    expect(wrong).toEqual([]);
    expect(await db.value('SELECT sum(rejected)::int FROM import_runs')).toBeGreaterThan(5);
  });

  it('refreshes pending changes', async () => {
    const { db, model, today } = await databases.copy();
    const reports: TestReport[] = [-1, -2, -3, -30].map((day) => ({
      ...{ key: 'a', at: at(today, day, '23:59:59.998'), latitude: 1, longitude: 2, imprecise: false },
    }));
    await insert(db, reports);
    model.add(reports);
    await db.migrate();
    await db.reconnect();
    await expectHistoryOfModel(db, model);
  });

  it('supports all later work: reports, late ones, duplicates, refresh, cities, retention and deletion', async () => {
    const { db, model, today } = await upgraded();
    const random = new Random(12);
    const keys = [...KEYS_010];
    // In existing and in new buckets, with all fields of 0.2.0; some are imprecise.
    const fresh = random.reports(60, keys, at(today, -2, '00:00:00'), today);
    const late = random.reports(120, keys, at(today, -20, '00:00:00'), at(today, -2, '00:00:00'));
    const again = Array.from({ length: 30 }, () => random.pick(model.reports));

    await insertReports(db, fresh.slice(0, 30));
    model.add(fresh.slice(0, 30));
    await expectHistoryOfModel(db, model);
    const client = await db.pool.connect();
    await copyReports(client, fresh.slice(30));
    client.release();
    model.add(fresh.slice(30));
    await expectHistoryOfModel(db, model);

    await insertReports(db, late.slice(0, 60));
    model.add(late.slice(0, 60));
    await expectHistoryOfModel(db, model);
    const { duplicate } = await ingestReports(db, [...late.slice(60), ...again, ...late.slice(0, 10)]);
    expect(duplicate).toBe(again.length + 10);
    model.add(late.slice(60));
    await expectHistoryOfModel(db, model);

    await db.query(DOCUMENTED_REFRESH);
    await db.query(
      `CALL refresh_continuous_aggregate('location_history_hourly', now() - interval '40 days', now())`,
    );
    await expectHistoryOfModel(db, model);

    await db.query(`SELECT update_nearest_city('d', $1, $2, 'Turku')`, [at(today, -5, '00:00:00'), today]);
    model.updateCity('d', at(today, -5, '00:00:00'), today, 'Turku');
    await expectHistoryOfModel(db, model);

    await keepRaw(db, 1);
    expect((await maintain(db)).daysClosed).toEqual([at(today, -2, '00:00:00').toISOString().slice(0, 10)]);
    model.horizon = (await boundaries(db)).horizon;
    await db.query(DOCUMENTED_REFRESH);
    await expectHistoryOfModel(db, model);
    expect(await ingestReports(db, again)).toEqual({ duplicate: 30 });

    for (const day of [-1, -2, -4, -14]) {
      const [from, to] = [at(today, day, '00:00:00'), at(today, day, '23:59:59.999')];
      await db.query(`SELECT delete_location_reports('b', $1, $2)`, [from, to]);
      model.reports = model.reports.filter(
        ({ key, at: moment }) => key !== 'b' || moment < from || moment > to,
      );
    }
    await db.query(DOCUMENTED_REFRESH);
    await expectHistoryOfModel(db, model);
  });

  it('keeps rights of other roles, and revocations from PUBLIC', async () => {
    const { db } = await databases.copy();
    await role.grantEverywhere(db);
    const [rights, restricted] = [await role.rights(db), await role.restrictedFunctions(db)];
    expect(rights.length).toBeGreaterThan(15);
    expect(restricted).toEqual(['ingest_reports', 'take_report', 'update_nearest_city']);
    await db.migrate();
    expect(await role.rights(db)).toEqual(rights);
    expect(await role.restrictedFunctions(db)).toEqual(restricted);
  });

  it.each(engine === 'timescaledb' ? ['location_history', 'location_history_daily'] : ['location_history'])(
    'is rejected before any change if an object of another product depends on %s; the plan names it',
    async (relation) => {
      const { db } = await databases.copy();
      await db.queryOnNewConnection(`CREATE VIEW report_of_ours AS SELECT hashed_adv_key FROM location_history_days; -- not in the way
        CREATE SCHEMA theirs;
        CREATE VIEW theirs.view AS SELECT * FROM ${relation};
        CREATE MATERIALIZED VIEW theirs.places AS SELECT count(*) FROM ${relation};
        CREATE FUNCTION theirs.rows() RETURNS SETOF ${relation} LANGUAGE sql AS 'SELECT * FROM ${relation}';
        CREATE TABLE theirs.kept (id int, place ${relation}, places ${relation}[])`);
      const named = [
        ...['column place of table theirs.kept', 'column places of table theirs.kept'],
        ...['function theirs.rows()', 'theirs.places', 'theirs.view'],
      ].map((object) => `${object} (on ${relation})`);
      const before = await dumpSchema(db.url);
      expect((await planMigration(db.config, db.url)).inTheWay).toEqual(named);
      await expect(db.migrate()).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining(named.join(', ')),
      });
      expectSameSchema(await dumpSchema(db.url), before);
      await db.queryOnNewConnection('DROP SCHEMA theirs CASCADE');
      expect((await db.migrate()).ran).toEqual(STEPS);
    },
  );

  it('is described by the plan, which changes nothing', async () => {
    const { db } = await databases.copy();
    const before = await dumpSchema(db.url);
    const plan = await planMigration(db.config, db.url);
    expectSameSchema(await dumpSchema(db.url), before);
    expect(plan).toMatchObject({ engine, from: '0.1.0', to: PROGRAM_VERSION, inTheWay: [], extensions: [] });
    expect(plan.steps.map(({ name }) => name)).toEqual([
      ...STEPS,
      'definitions (functions, triggers, views)',
      'materialized view',
    ]);
    const rewritten = plan.steps.flatMap(({ work }) => work.filter(({ rewrites }) => rewrites));
    expect(rewritten.map(({ relation }) => relation)).toEqual(
      engine === 'timescaledb'
        ? ['location_history_daily', 'location_history_hourly', 'location_history_daily', 'location_history']
        : ['location_history'],
    );
    await db.migrate();
    expect((await planMigration(db.config, db.url)).steps).toEqual([]);
  });

  it('rewrites nothing in a new database, according to the plan', async () => {
    const db = await TestDatabase.create(engine, { empty: true });
    try {
      const plan = await planMigration(db.config, db.url);
      expect(plan).toMatchObject({ engine, from: null, inTheWay: [], extensions: [] });
      expect(plan.steps.length).toBeGreaterThan(STEPS.length);
      expect(plan.steps.flatMap(({ work }) => work)).toEqual([]);
    } finally {
      await db.drop();
    }
  });

  it.each([
    ['location_history', 'MATERIALIZED VIEW'],
    ...(engine === 'timescaledb' ? [['location_history_daily', 'VIEW']] : []),
  ])('keeps comments of other products on %s', async (relation, kind) => {
    const { db } = await databases.copy();
    await db.queryOnNewConnection(
      `COMMENT ON ${kind} ${relation} IS 'theirs'; COMMENT ON COLUMN ${relation}.nearest_city IS 'the city'`,
    );
    await db.migrate();
    expect(
      await db.queryOnNewConnection(`SELECT obj_description(c.oid) AS relation, col_description(c.oid, attnum) AS "column" FROM pg_class AS c
         JOIN pg_attribute AS a ON a.attrelid = c.oid AND attname = 'nearest_city' WHERE c.oid = '${relation}'::regclass`),
    ).toEqual([{ relation: 'theirs', column: 'the city' }]);
  });

  it('keeps indexes of other products on location_history', async () => {
    const { db } = await databases.copy();
    await db.queryOnNewConnection(
      'CREATE INDEX by_city ON location_history (nearest_city) WHERE nearest_city IS NOT NULL',
    );
    await db.migrate();
    const indexes = `SELECT indexname AS name FROM pg_indexes WHERE tablename = 'location_history' ORDER BY 1`;
    expect(await db.queryOnNewConnection(indexes)).toEqual(
      ['by_city', 'location_history_id', 'location_history_timestamp', 'location_history_tracker'].map(
        (name) => ({ name }),
      ),
    );
  });
});
