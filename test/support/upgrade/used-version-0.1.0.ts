import { expect } from '@jest/globals';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { readFoundation } from '../../../src/migration/migrator.js';
import { at, detailedHistory, HistoryModel, type TestReport, utcDay } from '../history-oracle.js';
import { Random } from '../random.js';
import { readHistory } from '../history.js';
import { TestDatabase } from '../test-database.js';
import {
  asOf010,
  beginRun,
  closeDays,
  compressChunks,
  createVersion010,
  insert,
  settle,
  takeInBatch,
} from './version-0.1.0.js';
import type pg from 'pg';
import { withClient } from '../servers/database-servers.js';

/** Registered trackers, by their keys. */
export const KEYS_010 = ['a', 'b', 'c', 'd'] as const;
/** A tracker with cities from geocoding, which the oracle does not compute. */
const GEOCODED = 'geocoded';
/** A key that no tracker has. */
const UNREGISTERED = 'nobody';
const DAYS = 14;

/** A database of version 0.1.0 that was in use. */
export interface OldDatabase {
  db: TestDatabase;
  /** Midnight (UTC) of today. There are raw reports of today and the two days before. */
  today: Date;
  /** The reports of KEYS_010, from which the oracle computes its history. */
  model: HistoryModel;
}

/**
 * Creates a database of 0.1.0 with two weeks of history. Functions of 0.1.0 have closed all days but two, there are
 * late reports on days with and without other reports, reports of an earlier table, and rows in every other table. All
 * changes are refreshed.
 */
export async function createUsedVersion010(
  engine: HistoryEngine,
  env: Record<string, string> = {},
): Promise<OldDatabase> {
  const today = utcDay(new Date());
  const earlier = earlierReports(today);
  const db = await createVersion010(engine, { before: earlierTable(today), env });
  const random = new Random(10);
  for (const key of [...KEYS_010, GEOCODED]) await db.register(key);
  const model = new HistoryModel(at(today, -DAYS, '00:00:00'));
  // The earlier table has a city, but neither confidence nor accuracy.
  model.add(
    [...earlier]
      .sort((a, b) => +a.at - +b.at)
      .map(({ key, at: moment, latitude, longitude, city }) => ({
        ...{ key, at: moment, latitude, longitude, imprecise: false },
        ...(city !== undefined && { city }),
      })),
  );

  // Tracker d has no reports in the first week: its late reports there are the only ones of their days.
  const raw = [
    ...random.reports(500, ['a', 'b', 'c'], at(today, -DAYS, '00:00:00'), at(today, 0, '00:00:00')),
    ...random.reports(60, ['d'], at(today, -7, '00:00:00'), at(today, 0, '00:00:00')),
    ...random.reports(30, [...KEYS_010], today, new Date(Math.max(Date.now(), +today + 300_000))),
  ];
  await insert(db, raw);
  model.add(asOf010(raw));
  await insert(db, random.reports(60, [GEOCODED, UNREGISTERED], at(today, -DAYS, '00:00:00'), today));

  await settle(db);
  if ((await readFoundation(db.dataSource))?.engine === 'timescaledb')
    await compressChunks(db, at(today, -1, '00:00:00'));
  await closeDays(db, 2);
  model.horizon = at(today, -2, '00:00:00');

  const late = [
    ...random.reports(60, [...KEYS_010], at(today, -DAYS, '00:00:00'), at(today, -2, '00:00:00')),
    ...random.reports(20, [...KEYS_010], at(today, -200, '00:00:00'), at(today, -DAYS, '00:00:00')),
  ];
  await insert(db, late);
  model.add(asOf010(late));
  await nameCities(db, model, today);
  await useEveryTable(db, model, today);
  await settle(db);
  return { db, today, model };
}

function earlierReports(today: Date): TestReport[] {
  return new Random(9).reports(60, ['a', 'b'], at(today, -60, '00:00:00'), at(today, -5, '00:00:00'));
}

/** Copies of one database of 0.1.0. A copy takes a tenth of the time of creating one. */
export class OldDatabases {
  private readonly copies = new Set<TestDatabase>();

  private constructor(
    private readonly engine: HistoryEngine,
    private readonly original: OldDatabase,
  ) {}

  static async create(engine: HistoryEngine): Promise<OldDatabases> {
    const original = await createUsedVersion010(engine);
    await original.db.close();
    return new OldDatabases(engine, original);
  }

  /** Creates another copy, with its own model. */
  async copy(): Promise<OldDatabase> {
    const { db: copyOf, model, today } = this.original;
    const db = await TestDatabase.create(this.engine, { copyOf });
    this.copies.add(db);
    const copiedModel = new HistoryModel(model.horizon);
    copiedModel.add(model.reports);
    return { db, today, model: copiedModel };
  }

  async dropCopy({ db }: OldDatabase): Promise<void> {
    this.copies.delete(db);
    await db.drop();
  }

  async drop(): Promise<void> {
    for (const db of [...this.copies, this.original.db]) await db.drop();
  }
}

/** SQL that creates a table `location_history` of an earlier product than 0.1.0, with rows. */
export function earlierTable(today: Date): string {
  const reports = earlierReports(today);
  return `
    CREATE TABLE location_history (id serial PRIMARY KEY, hashed_adv_key text NOT NULL, timestamp timestamptz NOT NULL,
      location point, nearest_city varchar(80));
    CREATE INDEX idx_location_history_timestamp ON location_history (timestamp);
    COMMENT ON TABLE location_history IS 'from before';
    INSERT INTO location_history (hashed_adv_key, timestamp, location, nearest_city)
    SELECT key, at, point(longitude, latitude), city FROM jsonb_to_recordset('${JSON.stringify(reports).replaceAll("'", "''")}')
      AS r (key text, at timestamptz, latitude float8, longitude float8, city text)`;
}

/** Sets cities of raw reports and of closed days, as geocoding does. */
async function nameCities(db: TestDatabase, model: HistoryModel, today: Date): Promise<void> {
  const spans = [
    ['a', at(today, -12, '00:00:00'), at(today, -10, '12:00:00'), 'Bergen'],
    ['b', at(today, -2, '06:00:00'), at(today, -1, '18:00:00'), 'Oulu'],
  ] as const;
  for (const [key, from, to, city] of spans) {
    await db.queryOnNewConnection('SELECT update_nearest_city($1, $2, $3, $4)', [key, from, to, city]);
    model.updateCity(key, from, to, city);
  }
}

/** Checks that the history of KEYS_010 matches the model. */
export async function expectHistoryOfModel(db: TestDatabase, model: HistoryModel): Promise<void> {
  const cut = await db.value<Date>('SELECT cut FROM history_state');
  const keys: readonly string[] = KEYS_010;
  const rows = (await readHistory(db)).filter(({ key }) => keys.includes(key));
  expect(rows).toEqual(detailedHistory(model.reports, cut));
}

/** Fills every table of 0.1.0, if possible with functions of 0.1.0. */
export async function useEveryTable(db: TestDatabase, model: HistoryModel, today: Date): Promise<void> {
  await withClient(db.url, (client) => createImportRuns(client, model, today));
  await deleteReports(db, model, today);
  await db.queryOnNewConnection(EVERYTHING_ELSE);
}

async function createImportRuns(client: pg.Client, model: HistoryModel, today: Date): Promise<void> {
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
  const rejected = [
    { position: 900, reason: 'undecodable', message: 'line 900 is not JSON', given: '{"broken":' },
    {
      position: 901,
      reason: 'unknown_tracker',
      message: 'there is no tracker named "nobody"',
      tracker: 'nobody',
    },
  ];
  const first = await beginRun(client, 'walk.ndjson', 'fingerprint 1');
  await takeInBatch(client, first, random.shuffle([...fresh, ...known, ...wrong]), rejected);
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

/** Deletes some raw reports of a tracker, and one of its closed days, permanently. */
async function deleteReports(db: TestDatabase, model: HistoryModel, today: Date): Promise<void> {
  const spans = [
    [at(today, -1, '12:00:00'), at(today, -1, '23:59:59.999')],
    [at(today, -6, '00:00:00'), at(today, -6, '23:59:59.999')],
  ] as const;
  for (const [from, to] of spans) {
    await db.queryOnNewConnection(`SELECT delete_location_reports('c', $1, $2)`, [from, to]);
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
