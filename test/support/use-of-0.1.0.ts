import type pg from 'pg';
import { withClient } from './client.js';
import type { HistoryModel } from './history-model.js';
import type { TestReport } from './history-oracle.js';
import { run } from './migrations.js';
import { Random } from './random.js';
import { at } from './scenario.js';
import { asOf010, beginRun, takeInBatch } from './statements-of-0.1.0.js';
import type { TestDatabase } from './test-database.js';

/** Fills every table of 0.1.0, by its own functions where it has some. */
export async function useEveryTable(db: TestDatabase, model: HistoryModel, today: Date): Promise<void> {
  await withClient(db.url, (client) => importRuns(client, model, today));
  await deleteReports(db, model, today);
  await run(db, EVERYTHING_ELSE);
}

async function importRuns(client: pg.Client, model: HistoryModel, today: Date): Promise<void> {
  const random = new Random(11);
  const keys = ['a', 'b', 'c', 'd'];
  const fresh = [
    ...random.reports(40, keys, at(today, -2, '00:00:00'), today),
    ...random.reports(30, keys, at(today, -13, '00:00:00'), at(today, -2, '00:00:00')),
  ];
  const known = Array.from({ length: 20 }, () => random.pick(model.reports));
  const elsewhere = random.pick(model.raw());
  const wrong: TestReport[] = [
    { key: 'a', at: at(today, -1, '01:00:00'), latitude: 91, longitude: 0 },
    { key: 'b', at: at(today, -1, '01:00:00'), latitude: 0, longitude: 0 },
    { key: 'c', at: at(today, 2, '00:00:00'), latitude: 1, longitude: 1 },
    { key: 'd', at: at(today, -4000, '00:00:00'), latitude: 1, longitude: 1 },
    { ...elsewhere, latitude: elsewhere.latitude / 2 + 1 },
  ];
  const refused = [
    { position: 900, reason: 'undecodable', message: 'line 900 is not JSON', given: '{"broken":' },
    {
      position: 901,
      reason: 'unknown_tracker',
      message: 'there is no tracker named "nobody"',
      tracker: 'nobody',
    },
  ];
  const first = await beginRun(client, 'walk.ndjson', 'fingerprint 1');
  await takeInBatch(client, first, random.shuffle([...fresh, ...known, ...wrong]), refused);
  await client.query(
    `UPDATE import_runs SET outcome = 'completed', owner = NULL, finished_at = now() WHERE id = $1`,
    [first.id],
  );
  model.add(asOf010(fresh));

  const second = await beginRun(client, 'ride.gpx', 'fingerprint 2');
  const some = random.reports(10, keys, at(today, -9, '00:00:00'), today);
  await takeInBatch(client, second, some, []);
  model.add(asOf010(some));
  await client.query(
    `UPDATE import_runs SET outcome = 'interrupted', owner = NULL, finished_at = now() WHERE id = $1`,
    [second.id],
  );
  await client.query(`
    INSERT INTO import_runs (kind, name, outcome) VALUES ('find-my', 'a', 'queued');
    INSERT INTO import_runs (kind, name, format, outcome, standing, finished_at)
      VALUES ('owntracks', 'OwnTracks', 'owntracks', 'completed', 'today', now());
    INSERT INTO import_runs (kind, name, outcome, error_code, error, finished_at)
      VALUES ('file', 'no.csv', 'broken', 'BAD_USER_INPUT', 'There are no columns', now())`);
}

/** Deletes for good: some raw reports of a tracker, and one of its closed days. */
async function deleteReports(db: TestDatabase, model: HistoryModel, today: Date): Promise<void> {
  const spans = [
    [at(today, -1, '12:00:00'), at(today, -1, '23:59:59.999')],
    [at(today, -6, '00:00:00'), at(today, -6, '23:59:59.999')],
  ] as const;
  for (const [from, to] of spans) {
    await run(db, `SELECT delete_location_reports('c', $1, $2)`, [from, to]);
    model.reports = model.reports.filter(
      ({ key, at: moment }) => key !== 'c' || moment < from || moment > to,
    );
  }
}

const EVERYTHING_ELSE = `
  SELECT set_tracker_status(id, 'IN_TRANSIT', 'ann', 'picked up') FROM trackers WHERE name = 'a';
  INSERT INTO tracker_devices (device, tracker_id) SELECT 'jane/phone', id FROM trackers WHERE name = 'b';
  INSERT INTO tracker_keys (tracker_id, advertisement_key, hashed_adv_key, sealed_private_key, encryption_key_id)
    SELECT id, 'key of ' || name, hashed_adv_key, '\\x000102030405060708090a0b0c0d0e0f', 'fingerprint' FROM trackers;
  INSERT INTO tracker_keys (tracker_id, advertisement_key, hashed_adv_key, sealed_private_key, encryption_key_id)
    SELECT id, 'second key of ' || name, 'second ' || hashed_adv_key, '\\xff', 'fingerprint' FROM trackers WHERE name = 'a';
  INSERT INTO tracker_fetches (tracker_id, wanted_at, in_round) SELECT id, now(), true FROM trackers WHERE name = 'c';
  INSERT INTO job_runs (job, slot, attempt, holder, outcome, finished_at, ms, row_count, details)
    VALUES ('maintenance', '2026-01-01 00:00+00', 1, 'host', 'done', now(), 12, 3, '{"daysClosed": []}');
  INSERT INTO job_runs (job, attempt, holder, outcome, finished_at, error, retry_at)
    VALUES ('geocoding', 1, 'host', 'failed', now(), 'no answer', now());
  INSERT INTO layer_refreshes VALUES ('location_history', now(), 17) ON CONFLICT DO NOTHING;
  INSERT INTO lock_leases VALUES ('gone', gen_random_uuid(), 'host', 1, now(), now(), now());
  INSERT INTO geocoding_cells (latitude_e2, longitude_e2, nearest_city, country, provider, asked_of)
    SELECT DISTINCT ON (1, 2) cell_of(ST_Y(location)), cell_of(ST_X(location)), 'Reykjavík', 'IS', 'offline', 'offline 1'
    FROM location_history_days WHERE hashed_adv_key = 'geocoded';
  UPDATE geocoding_state SET searched_from = now(), reports = 5, filled = 4, cells_asked = 3;
  INSERT INTO geocoding_providers (name, requests) VALUES ('nominatim', 7);
  UPDATE find_my_pace SET next_call_at = '2026-01-01 00:00+00';
  UPDATE refresh_state SET periodic_at = now(), notified_at = now()`;
