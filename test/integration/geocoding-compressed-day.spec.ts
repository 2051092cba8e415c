import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnTimescale } from '../support/engines.js';
import { type Geocoding, geocoding } from '../support/geocoding.js';
import { historyToday } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { TestDatabase } from '../support/test-database.js';

const REPORTS = 300_000;
const TRACKERS = 300;

/** A day is compressed once it is over but stays open for another day, so geocoding may find compressed reports. */
describeOnTimescale('geocoding a compressed day that is still open', () => {
  let db: TestDatabase;
  let geocoder: Geocoding;
  let yesterday: Date;

  beforeAll(async () => {
    db = await TestDatabase.create('timescaledb');
    geocoder = geocoding(db);
    yesterday = at(await historyToday(db), -1, '00:00:00');
    await db.query(
      `INSERT INTO trackers (name, hashed_adv_key) SELECT 't' || n, 't' || n FROM generate_series(0, ${TRACKERS - 1}) n`,
    );
    // Each tracker is in ten cells in or around Italy.
    await db.query(
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
       SELECT 't' || n % ${TRACKERS}, $1::timestamptz + n * interval '280 milliseconds',
         make_geo_point(9 + n % ${TRACKERS} % 20 * 0.3, 43 + n % ${TRACKERS} / 20 * 0.2 + n / ${TRACKERS} % 10 * 0.01)
       FROM generate_series(0, ${REPORTS - 1}) AS n`,
      [yesterday],
    );
    await db.settle();
    await db.query(`SELECT compress_chunk(c) FROM show_chunks('location_reports') AS c`);
  }, 120_000);
  afterAll(() => db.drop());

  /** Number of reports that are stored compressed. */
  async function compressed(): Promise<number> {
    const table = await db.value<string>(
      `SELECT format('%I.%I', c.schema_name, c.table_name) FROM _timescaledb_catalog.chunk AS u
       JOIN _timescaledb_catalog.chunk AS c ON c.id = u.compressed_chunk_id`,
    );
    return db.value(`SELECT coalesce(sum(_ts_meta_count), 0)::int FROM ${table}`);
  }

  it('leaves the other trackers of the day compressed', async () => {
    expect(await compressed()).toBe(REPORTS);
    await db.query(
      `UPDATE geocoding_queue SET not_before = 'infinity' WHERE hashed_adv_key NOT IN ('t7', 't8')`,
    );
    expect(await geocoder.drain()).toBe((2 * REPORTS) / TRACKERS);
    expect(await compressed()).toBe(REPORTS - (2 * REPORTS) / TRACKERS);
    await db.query(`UPDATE geocoding_queue SET not_before = '-infinity'`);
  });

  it('processes all reports in bounded batches', async () => {
    let reports = 0;
    for (
      let batch = await geocoder.service.geocodeBatch();
      batch;
      batch = await geocoder.service.geocodeBatch()
    ) {
      expect(batch.reports).toBeLessThanOrEqual(20_000);
      reports += batch.reports;
    }
    expect(reports).toBe(REPORTS - (2 * REPORTS) / TRACKERS);
    await db.settle();
    const [counts] = await db.query(
      `SELECT count(*) AS reports, count(*) FILTER (WHERE r.nearest_city IS DISTINCT FROM c.nearest_city) AS wrong,
         count(*) FILTER (WHERE r.nearest_city IS NULL) AS without_city
       FROM location_reports AS r LEFT JOIN geocoding_cells AS c
         ON c.latitude_e2 = cell_of(ST_Y(r.location)) AND c.longitude_e2 = cell_of(ST_X(r.location))`,
    );
    expect(counts).toEqual({ reports: REPORTS, wrong: 0, without_city: 0 });
    const rows = `SELECT count(*) FROM location_history WHERE nearest_city IS NULL`;
    expect(await db.value(rows)).toBe(0);
    expect(await db.value('SELECT count(*) FROM location_history')).toBe(TRACKERS * 24);
  }, 120_000);

  it('changes nothing afterwards', async () => {
    expect(await db.value('SELECT count(*) FROM geocoding_queue')).toBe(0);
    const changes = await db.value('SELECT changes FROM refresh_state');
    expect(await geocoder.drain()).toBe(0);
    expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0);
    expect(await db.value('SELECT changes FROM refresh_state')).toBe(changes);
  });
});
