import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClientBase } from 'pg';
import { withClient } from '../support/servers/database-servers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import { expectHistoryOf, historyToday } from '../support/history.js';
import { beginRun } from '../support/upgrade/version-0.1.0.js';
import { TestDatabase } from '../support/test-database.js';

type Field = 'altitude' | 'speed' | 'course' | 'battery' | 'motion';

const WRONG: [field: Field, value: number | string, constraint: string][] = [
  ['altitude', -12_000.5, 'location_reports_altitude_in_metres'],
  ['altitude', 100_000.5, 'location_reports_altitude_in_metres'],
  ['speed', -0.5, 'location_reports_speed_in_metres_per_second'],
  ['speed', 1000.5, 'location_reports_speed_in_metres_per_second'],
  ['course', -0.5, 'location_reports_course_in_degrees'],
  ['course', 360, 'location_reports_course_in_degrees'],
  ['course', 'NaN', 'location_reports_course_in_degrees'],
  ['battery', -1, 'location_reports_battery_in_percent'],
  ['battery', 101, 'location_reports_battery_in_percent'],
  ['motion', 'flying', 'location_reports_motion_is_known'],
];
const RIGHT: Partial<TestReport>[] = [
  { altitude: -12_000, speed: 0, course: 0, battery: 0, motion: 'stationary' },
  { altitude: 100_000, speed: 1000, course: 359.999, battery: 100, motion: 'running' },
  { motion: 'walking' },
  { motion: 'cycling' },
  { motion: 'driving' },
];

describeOnEveryEngine('telemetry of reports', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let key = '';
  let count = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    today = await historyToday(db);
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    await db.query('DELETE FROM trackers');
    key = `key ${++count}`;
    await db.register(key);
  });

  const report = (days: number, time: string, more: Partial<TestReport> = {}): TestReport => ({
    key,
    at: at(today, days, time),
    latitude: 1,
    longitude: 2,
    ...more,
  });
  /** Yesterday, and a day whose raw reports are gone. */
  const DAYS = [-1, -15];

  it.each([
    ['an import', ingestReports],
    ['INSERT', insertReports],
  ] as const)('is that of the newest report, stored by %s', async (_way, store) => {
    const reports = DAYS.flatMap((days) =>
      RIGHT.flatMap((more, i) => [report(days, `1${i}:00:00`), report(days, `1${i}:30:00`, more)]),
    );
    await store(db, reports);
    await expectHistoryOf(db, reports);
    const older = DAYS.map((days) => report(days, '14:10:00', RIGHT[0]));
    await store(db, older);
    await expectHistoryOf(db, [...reports, ...older]);
  });

  describe.each(WRONG)('is rejected where %s is %s', (field, value, constraint) => {
    it.each(DAYS)('in a report of day %i', async (days) => {
      const given = report(days, '10:00:00', { [field]: value });
      await expect(insertReports(db, [given])).rejects.toMatchObject({ code: '23514', constraint });
      const outcome = await db.value(
        `SELECT take_report($1, $2, 1, 2, NULL, NULL, NULL, NULL, 'test', ${field} => $3)`,
        [key, given.at, value],
      );
      expect(outcome).toBe('out_of_range');
      await expectHistoryOf(db, []);
    });
  });

  it('is kept unchanged with a rejected report, however large', async () => {
    await withClient(db.url, async (client) => {
      const { id, owner } = await beginRun(client, `${key}.ndjson`, 'fingerprint');
      await client.query('BEGIN');
      await client.query('SELECT prepare_incoming_reports()');
      await client.query(
        `INSERT INTO incoming_reports (position, hashed_adv_key, timestamp, latitude, longitude, source, battery, speed)
         VALUES (1, $1, $2, 1, 2, 'test', 2147483647, 1e300)`,
        [key, at(today, -1, '10:00:00')],
      );
      await client.query('SELECT take_in_batch($1, $2, 1, 0, 1000, 100)', [id, owner]);
      await client.query('COMMIT');
      expect(
        await db.query('SELECT reason, battery, speed FROM rejected_reports WHERE run_id = $1', [id]),
      ).toEqual([{ reason: 'out_of_range', battery: 2_147_483_647, speed: 1e300 }]);
    });
  });

  it('may be left out of take_report(), which starts with the nine arguments of 0.1.0', async () => {
    const outcome = await db.value(`SELECT take_report($1, $2, 1, 2, 3, 8, 0, 'Rome', 'test')`, [
      key,
      at(today, -1, '10:00:00'),
    ]);
    expect(outcome).toBe('stored');
    await expectHistoryOf(db, [report(-1, '10:00:00', { confidence: 3, accuracy: 8, city: 'Rome' })]);
  });

  describe('in a session of 0.1.0', () => {
    /** Creates the temporary tables as before the upgrade. */
    const makeTables = (client: ClientBase): Promise<unknown> =>
      client.query(`
        CREATE TEMPORARY TABLE incoming_reports (position bigint NOT NULL, hashed_adv_key text COLLATE "C" NOT NULL,
          timestamp timestamptz(3) NOT NULL, latitude float8 NOT NULL, longitude float8 NOT NULL, confidence integer,
          horizontal_accuracy float8, status integer, nearest_city text, source text NOT NULL) ON COMMIT DELETE ROWS;
        CREATE TEMPORARY TABLE refused_reports ON COMMIT DELETE ROWS AS
          SELECT *, NULL::text AS reason, NULL::text AS message, NULL::text AS tracker, NULL::text AS given
          FROM incoming_reports WITH NO DATA;
        CREATE TEMPORARY TABLE taken_reports (hashed_adv_key text COLLATE "C" NOT NULL, outcome text NOT NULL,
          reports bigint NOT NULL) ON COMMIT DELETE ROWS`);
    const fill = async (client: ClientBase): Promise<void> => {
      await client.query(
        `INSERT INTO incoming_reports VALUES (1, $1, $2, 1, 2, NULL, 5000, NULL, NULL, 'old'),
           (2, $1, $3, 1, 2, NULL, 5000, NULL, NULL, 'old'), (3, $1, $2, 91, 2, NULL, NULL, NULL, NULL, 'old')`,
        [key, at(today, -1, '10:00:00'), at(today, -15, '10:00:00')],
      );
      await client.query(
        `INSERT INTO refused_reports (position, source, reason) VALUES (4, 'old', 'undecodable')`,
      );
    };
    const outcomes = async (client: ClientBase): Promise<unknown> =>
      (await client.query('SELECT outcome, reports::int FROM ingest_reports() ORDER BY 1')).rows;

    it.each(['before the batch', 'within it'])('reports are stored as before: upgraded %s', async (when) => {
      await withClient(db.url, async (client) => {
        await makeTables(client);
        await client.query('BEGIN');
        if (when === 'before the batch') await client.query('SELECT prepare_incoming_reports()');
        await fill(client);
        expect(await outcomes(client)).toEqual([
          { outcome: 'late', reports: 1 },
          { outcome: 'out_of_range', reports: 1 },
          { outcome: 'stored', reports: 1 },
          { outcome: 'undecodable', reports: 1 },
        ]);
        await client.query('COMMIT');
        // The next batch of the session uses the columns of 0.2.0.
        await client.query('BEGIN');
        await client.query('SELECT prepare_incoming_reports()');
        await client.query(
          `INSERT INTO incoming_reports (position, hashed_adv_key, timestamp, latitude, longitude, source, battery)
           VALUES (1, $1, $2, 1, 2, 'new', 50)`,
          [key, at(today, -1, '11:00:00')],
        );
        expect(await outcomes(client)).toEqual([{ outcome: 'stored', reports: 1 }]);
        await client.query('COMMIT');
      });
      await expectHistoryOf(db, [
        report(-1, '10:00:00', { accuracy: 5000 }),
        report(-15, '10:00:00', { accuracy: 5000 }),
        report(-1, '11:00:00', { battery: 50 }),
      ]);
    });
  });
});
