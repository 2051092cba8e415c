import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { retryTransient } from '../../src/database/retry.js';
import { packagePath } from '../../src/database/sql-files.js';
import { DOCUMENTS } from '../documents/document.js';
import { connectTo } from '../support/servers/database-servers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { expectHistoryOf } from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

/** The documented statements, word for word. */
const INSERT_TEST_DATA = `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence)
VALUES ('test_key', NOW(), ST_SetSRID(ST_MakePoint(-0.1278, 51.5074), 4326), 100);`;
const REFRESH_LAST_HOUR = `CALL refresh_continuous_aggregate('location_history_hourly', NOW() - INTERVAL '1 hour', NOW() + INTERVAL '1 hour');`;
const NEWEST_HISTORY = `SELECT * FROM location_history ORDER BY timestamp DESC LIMIT 10;`;
const REFRESH_HOURS = `CALL refresh_continuous_aggregate('location_history_hourly', NOW() - INTERVAL '48 hours', NOW());`;
const REFRESH_DAYS = `CALL refresh_continuous_aggregate('location_history_daily', NOW() - INTERVAL '7 days', NOW());`;
const NOTIFY = `SELECT pg_notify('refresh_location_history', 'test');`;
const LISTEN = 'LISTEN refresh_location_history;';
const REFRESH_VIEW = 'REFRESH MATERIALIZED VIEW CONCURRENTLY location_history;';
const MOCK_SCRIPT = 'sql/mock_location_reports_europe.sql'; // \i sql/mock_location_reports_europe.sql
const VERIFY_MOCK_DATA = `SELECT
  t.name as tracker_name,
  lh.timestamp,
  ST_X(lh.location::geometry) as longitude,
  ST_Y(lh.location::geometry) as latitude,
  lh.nearest_city
FROM location_history lh
JOIN trackers t ON t.id = lh.tracker_id
ORDER BY lh.timestamp DESC
LIMIT 5;`;

describeOnEveryEngine('the documented statements', (engine) => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
  });
  afterAll(() => db.drop());

  it('notify all listeners, by hand and automatically', async () => {
    await db.settle(); // a pending notification, as of the migrations, suppresses the next one
    const client = await connectTo(db.url);
    try {
      const heard: (string | undefined)[] = [];
      client.on('notification', ({ channel, payload }) => heard.push(`${channel}:${payload ?? ''}`));
      await client.query(LISTEN);
      await db.query(NOTIFY);
      await db.register('test tracker', 'test_key');
      await db.settle();
      await db.query(INSERT_TEST_DATA);
      await client.query('SELECT'); // notifications come with the next answer at the latest
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(heard).toEqual([
        'refresh_location_history:test',
        'refresh_location_history:',
        'refresh_location_history:',
      ]);
    } finally {
      await client.end();
    }
  });

  it('show a record that was inserted by hand', async () => {
    await retryTransient(() => db.query(REFRESH_LAST_HOUR));
    await db.settle(); // "Check if the materialized view was automatically refreshed"
    const rows = await db.query<{ report_count: number; confidence: number; timestamp: Date }>(
      NEWEST_HISTORY,
    );
    expect(rows).toMatchObject([{ report_count: 1, confidence: 100, bucket_size: '1 hour' }]);
    expect(Date.now() - Number(rows[0]?.timestamp)).toBeLessThan(3_700_000);
  });

  it('refresh history that is up to date, and change nothing', async () => {
    const [{ at }] = (await db.query('SELECT timestamp AS at FROM location_reports')) as [{ at: Date }];
    for (let round = 0; round < 2; round++) {
      for (const statement of [REFRESH_HOURS, REFRESH_DAYS, REFRESH_VIEW]) {
        await retryTransient(() => db.query(statement)); // a policy of TimescaleDB may refresh at the same time
      }
      await expectHistoryOf(db, [
        { key: 'test_key', at, longitude: -0.1278, latitude: 51.5074, confidence: 100 },
      ]);
    }
  });

  it('fill trackers without history with mock data, once', async () => {
    for (const name of ['mock 1', 'mock 2', 'mock 3']) await db.register(name);
    const script = readFileSync(packagePath(MOCK_SCRIPT), 'utf8');
    await db.query(script);
    await db.settle(); // "After a short delay"
    const rows = await db.query<Record<string, unknown>>(VERIFY_MOCK_DATA);
    expect(rows).toHaveLength(5);
    for (const row of rows) {
      expect(Object.keys(row)).toEqual([
        'tracker_name',
        'timestamp',
        'longitude',
        'latitude',
        'nearest_city',
      ]);
    }
    const mocked = rows.filter((row) => row['tracker_name'] !== 'test tracker');
    expect(mocked.length).toBeGreaterThan(0);
    for (const row of mocked) {
      expect(row['longitude']).toBeGreaterThan(-10);
      expect(row['longitude']).toBeLessThan(26);
      expect(row['latitude']).toBeGreaterThan(37);
      expect(row['latitude']).toBeLessThan(61);
      expect(row['nearest_city']).toEqual(expect.any(String));
    }
    const reports = await db.value<number>('SELECT count(*) FROM location_reports');
    expect(await db.value('SELECT sum(report_count)::int FROM location_history')).toBe(3 * 144 + 1);
    await db.query(script);
    await db.settle();
    expect(await db.value('SELECT count(*) FROM location_reports')).toBe(reports);
    expect(await db.value('SELECT sum(report_count)::int FROM location_history')).toBe(3 * 144 + 1);
  });
});

describeOnEveryEngine('the statements of the guides', (engine) => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
  });
  afterAll(() => db.drop());

  it('run, in their order', async () => {
    const blocks = DOCUMENTS.flatMap((document) => document.blocks('sql'))
      // The relations of TimescaleDB exist on one engine only.
      .filter(({ text }) => engine === 'timescaledb' || !text.includes('timescaledb_information'));
    expect(blocks.length).toBeGreaterThan(4);
    for (const { text } of blocks) {
      for (const statement of text.split(/;\s*$/m).filter((part) => part.trim() !== ''))
        await retryTransient(() => db.query(statement));
    }
  });
});
