import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { migrations } from '../../migrations/index.js';
import type { SpatialLayer } from '../../src/config/env.schema.js';
import { at, type TestReport, utcDay } from '../support/history-oracle.js';
import { describeOnEveryLayer } from '../support/engines.js';
import { Random } from '../support/random.js';
import { expectHistoryOf } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

const ALL = migrations.map(({ name }) => name);
/** Types of positions in an earlier location_history, each with the SQL of a position. */
const LOCATIONS: Record<SpatialLayer, [type: string, position: string][]> = {
  builtin: [['point', 'point(lon, lat)']],
  postgis: [
    ['geography(Point,4326)', 'ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography'],
    ['geometry(Point,4326)', 'ST_SetSRID(ST_MakePoint(lon, lat), 4326)'],
    ['geometry', 'ST_SetSRID(ST_MakePoint(lon, lat), 4326)'],
    ['point', 'point(lon, lat)'],
  ],
};

/** The tables of an earlier product, with tables that refer to them. */
const LEGACY = `
  CREATE TYPE tracker_status AS ENUM ('CREATED', 'IN_TRANSIT', 'IN_STORAGE', 'DELIVERED');
  CREATE TABLE production_runs (id serial PRIMARY KEY);
  INSERT INTO production_runs DEFAULT VALUES;
  CREATE TABLE trackers (
    id serial PRIMARY KEY, name varchar NOT NULL, advertisement_key varchar(64), private_key varchar NOT NULL,
    hashed_advertisement_key varchar, mac_address varchar(17),
    production_run_id integer NOT NULL REFERENCES production_runs,
    last_report_received timestamp, current_status tracker_status, current_state_start timestamptz);
  CREATE UNIQUE INDEX idx_trackers_hashed ON trackers (hashed_advertisement_key);
  INSERT INTO trackers (name, private_key, hashed_advertisement_key, mac_address, production_run_id, last_report_received, current_status)
    SELECT 'tracker ' || key, 'secret', key, '00:11:22:33:44:55', 1, '2026-01-02 03:04:05.678', 'IN_TRANSIT'
    FROM unnest(ARRAY['a', 'b', 'c']) AS key;
  CREATE TABLE status_history (id serial PRIMARY KEY, tracker_id integer NOT NULL REFERENCES trackers);
  INSERT INTO status_history (tracker_id) SELECT id FROM trackers;`;

const SHAPE = `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull, a.attcollation,
    a.attidentity, pg_get_expr(d.adbin, d.adrelid) AS value
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
  LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relname IN ('trackers', 'location_history', 'status_history') AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY c.relname, a.attnum`;
const CONSTRAINTS = `SELECT conrelid::regclass::text AS owner, conname, pg_get_constraintdef(oid) AS definition
  FROM pg_constraint WHERE conrelid::regclass::text IN ('trackers', 'location_history', 'status_history') ORDER BY 1, 2`;

describeOnEveryLayer('migrations of a database in use', (layer) => {
  let db: TestDatabase;
  let today: Date;
  /** Reports of the earlier table that history has to contain. */
  let reports: TestReport[];

  beforeEach(async () => {
    db = await TestDatabase.create('postgresql', { empty: true, env: { SPATIAL_LAYER: layer } });
    today = utcDay(new Date());
    await db.queryOnNewConnection(LEGACY);
  });
  afterEach(() => db.drop());

  async function fillLocationHistory(
    type: string,
    position: string,
    timeType = 'timestamptz',
  ): Promise<void> {
    await db.queryOnNewConnection(`CREATE TABLE location_history (id serial PRIMARY KEY, tracker_id integer REFERENCES trackers,
         timestamp ${timeType} NOT NULL, location ${type}, nearest_city varchar(80));
       CREATE INDEX idx_location_history_timestamp ON location_history (timestamp)`);
    reports = new Random(4)
      .reports(300, ['a', 'b', 'c'], at(today, -90, '00:00:00'), at(today, 0, '00:00:00'))
      .map(({ key, at: moment, latitude, longitude, city }) => ({
        ...{ key, at: moment, latitude, longitude },
        ...(city !== undefined && { city }),
      }));
    // Not carried over: a second position of the same time, a row older than the retention, and one without a position.
    const first = reports[0] as TestReport;
    const rest = [
      { ...first, latitude: 1, longitude: 1 },
      { ...first, at: at(today, -400, '00:00:00') },
    ];
    const time = timeType === 'timestamptz' ? 'at' : `at AT TIME ZONE 'UTC'`;
    for (const rows of [reports, [...rest, { key: 'a', at: at(today, -1, '00:00:00') }]]) {
      await db.queryOnNewConnection(
        `INSERT INTO location_history (tracker_id, timestamp, location, nearest_city)
         SELECT t.id, ${time}, CASE WHEN lat IS NOT NULL THEN ${position} END, city
         FROM jsonb_to_recordset($1) AS r (key text, at timestamptz, latitude float8, longitude float8, city text)
         CROSS JOIN LATERAL (SELECT latitude AS lat, longitude AS lon) AS p
         JOIN trackers AS t ON t.hashed_advertisement_key = key`,
        [JSON.stringify(rows)],
      );
    }
  }

  it.each(LOCATIONS[layer])(
    'carry location_history over, and undo restores it: %s',
    async (type, position) => {
      await fillLocationHistory(type, position);
      const asItWas = async (): Promise<unknown[]> => [
        await db.queryOnNewConnection('SELECT to_jsonb(l) AS row FROM location_history AS l ORDER BY id'),
        await db.queryOnNewConnection('SELECT to_jsonb(t) AS row FROM trackers AS t ORDER BY id'),
        await db.queryOnNewConnection(SHAPE),
        await db.queryOnNewConnection(CONSTRAINTS),
      ];
      const before = await asItWas();
      expect((await db.migrate()).ran).toEqual(ALL);
      await db.reconnect();
      await expectHistoryOf(db, reports);
      expect(await db.queryOnNewConnection('SELECT count(*)::int AS n FROM location_history_backup')).toEqual(
        [{ n: 303 }],
      );

      // New reports are added to it.
      await db.queryOnNewConnection(`INSERT INTO trackers (name, hashed_adv_key) VALUES ('later', 'later')`);
      const later = ['a', 'later'].map((key): TestReport => ({
        key,
        at: at(today, -1, '12:00:00.001'),
        latitude: 1,
        longitude: 2,
      }));
      await insertReports(db, later);
      await insertReports(db, reports, 'ON CONFLICT DO NOTHING');
      await expectHistoryOf(db, [...reports, ...later]);

      await db.queryOnNewConnection(`DELETE FROM trackers WHERE name = 'later'`);
      expect(await db.undoMigrations()).toBe(ALL.length);
      expect(await asItWas()).toEqual(before);
      expect((await db.migrate()).ran).toEqual(ALL);
      await db.reconnect();
      await expectHistoryOf(db, reports);
    },
  );

  it('read times without a zone as UTC', async () => {
    const [type, position] = LOCATIONS[layer][0] as [string, string];
    await fillLocationHistory(type, position, 'timestamp');
    await db.queryOnNewConnection(`ALTER DATABASE ${db.name} SET timezone = 'Asia/Tokyo'`);
    await db.migrate();
    await db.reconnect();
    await expectHistoryOf(db, reports);
    expect(await db.queryOnNewConnection(`SELECT DISTINCT last_report_received FROM trackers`)).toEqual([
      { last_report_received: new Date('2026-01-02T03:04:05.678Z') },
    ]);
  });

  it('carry the cities into the cell cache, and into rows that lost theirs', async () => {
    const [type, position] = LOCATIONS[layer][0] as [string, string];
    await fillLocationHistory(type, position);
    await db.migrate();
    await db.reconnect();
    const known = new Set(
      reports
        .filter(({ city }) => city !== undefined)
        .map(({ latitude, longitude }) => `${latitude.toFixed(2)} ${longitude.toFixed(2)}`),
    );
    const counts = 'SELECT target, rows_changed::int AS rows FROM migrate_nearest_city_data()';
    expect(await db.queryOnNewConnection(counts)).toEqual([
      { target: 'geocoding_cells', rows: known.size },
      { target: 'location_reports', rows: 0 },
      { target: 'location_history', rows: 0 },
    ]);
    await db.queryOnNewConnection('UPDATE location_reports SET nearest_city = NULL');
    await db.queryOnNewConnection(
      'UPDATE location_history_daily SET nearest_city = NULL, nearest_city_at = NULL WHERE bucket < history_horizon()',
    );
    const [cells, raw, history] = (await db.queryOnNewConnection(counts)) as [
      { rows: number },
      { rows: number },
      { rows: number },
    ];
    expect(cells.rows).toBe(0);
    expect(raw.rows).toBe(
      reports.filter(({ city, at: moment }) => city !== undefined && moment >= at(today, -2, '00:00:00'))
        .length,
    );
    expect(history.rows).toBeGreaterThan(0);
    expect(await db.queryOnNewConnection(counts)).toMatchObject([{ rows: 0 }, { rows: 0 }, { rows: 0 }]);
  });
});
