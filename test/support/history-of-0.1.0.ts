import { expect } from '@jest/globals';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { readFoundation } from '../../src/migration/migrator.js';
import { HistoryModel } from './history-model.js';
import { detailedHistory, type TestReport, utcDay } from './history-oracle.js';
import { run } from './migrations.js';
import { Random } from './random.js';
import { at, readHistory } from './scenario.js';
import { TestDatabase } from './test-database.js';
import { asOf010, closeDays, compressChunks, insert, settle } from './statements-of-0.1.0.js';
import { useEveryTable } from './use-of-0.1.0.js';
import { createVersion010 } from './version-0.1.0.js';

/** Registered trackers, by their keys. */
export const KEYS_010 = ['a', 'b', 'c', 'd'] as const;
/** A tracker whose places have cities from geocoding, of which the oracle knows nothing. */
const GEOCODED = 'geocoded';
/** A key that no tracker has. */
const UNREGISTERED = 'nobody';
const DAYS = 14;

/** A database of version 0.1.0 that was in use. */
export interface OldDatabase {
  db: TestDatabase;
  /** Midnight (UTC) of today; raw reports are there of it and of the two days before. */
  today: Date;
  /** What its history is of: the reports of KEYS_010, as the oracle takes them. */
  model: HistoryModel;
}

/**
 * A database of 0.1.0 with two weeks of history: closed by its own functions but for two days, with reports that came late
 * on days with and without others, a table from before, and rows in every other table. All of it is settled.
 */
export async function createUsedVersion010(
  engine: HistoryEngine,
  env: Record<string, string> = {},
): Promise<OldDatabase> {
  const today = utcDay(new Date());
  const carried = carriedReports(today);
  const db = await createVersion010(engine, { before: earlierTable(today), env });
  const random = new Random(10);
  for (const key of [...KEYS_010, GEOCODED]) await db.register(key);
  const model = new HistoryModel(at(today, -DAYS, '00:00:00'));
  // That table keeps a city, and neither confidence nor accuracy.
  model.add(
    [...carried]
      .sort((a, b) => +a.at - +b.at)
      .map(({ key, at: moment, latitude, longitude, city }) => ({
        ...{ key, at: moment, latitude, longitude, imprecise: false },
        ...(city !== undefined && { city }),
      })),
  );

  // No report of d in the first half: what comes late there makes days that have no others.
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

function carriedReports(today: Date): TestReport[] {
  return new Random(9).reports(60, ['a', 'b'], at(today, -60, '00:00:00'), at(today, -5, '00:00:00'));
}

/** Copies of one database of 0.1.0, which take a tenth of the time of making it. */
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

  /** Another copy, with a model of its own. */
  async copy(): Promise<OldDatabase> {
    const { db: copyOf, model, today } = this.original;
    const db = await TestDatabase.create(this.engine, { copyOf });
    this.copies.add(db);
    const own = new HistoryModel(model.horizon);
    own.add(model.reports);
    return { db, today, model: own };
  }

  async dropCopy({ db }: OldDatabase): Promise<void> {
    this.copies.delete(db);
    await db.drop();
  }

  async drop(): Promise<void> {
    for (const db of [...this.copies, this.original.db]) await db.drop();
  }
}

/** A table `location_history` of an earlier product, with rows: as it was before 0.1.0. */
export function earlierTable(today: Date): string {
  const reports = carriedReports(today);
  return `
    CREATE TABLE location_history (id serial PRIMARY KEY, hashed_adv_key text NOT NULL, timestamp timestamptz NOT NULL,
      location point, nearest_city varchar(80));
    CREATE INDEX idx_location_history_timestamp ON location_history (timestamp);
    COMMENT ON TABLE location_history IS 'from before';
    INSERT INTO location_history (hashed_adv_key, timestamp, location, nearest_city)
    SELECT key, at, point(longitude, latitude), city FROM jsonb_to_recordset('${JSON.stringify(reports).replaceAll("'", "''")}')
      AS r (key text, at timestamptz, latitude float8, longitude float8, city text)`;
}

/** Cities from geocoding: of raw reports and of closed days. */
async function nameCities(db: TestDatabase, model: HistoryModel, today: Date): Promise<void> {
  const spans = [
    ['a', at(today, -12, '00:00:00'), at(today, -10, '12:00:00'), 'Bergen'],
    ['b', at(today, -2, '06:00:00'), at(today, -1, '18:00:00'), 'Oulu'],
  ] as const;
  for (const [key, from, to, city] of spans) {
    await run(db, 'SELECT update_nearest_city($1, $2, $3, $4)', [key, from, to, city]);
    model.updateCity(key, from, to, city);
  }
}

/** Checks that history is that of the model; the reports of another tracker are compared otherwise. */
export async function expectHistoryOfModel(db: TestDatabase, model: HistoryModel): Promise<void> {
  const cut = await db.value<Date>('SELECT cut FROM history_state');
  const keys: readonly string[] = KEYS_010;
  const rows = (await readHistory(db)).filter(({ key }) => keys.includes(key));
  expect(rows).toEqual(detailedHistory(model.reports, cut));
}
