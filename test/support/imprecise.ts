import type { TestReport } from './history-oracle.js';
import { at } from './scenario.js';
import type { TestDatabase } from './test-database.js';

export const PLACE = { latitude: 48.8566, longitude: 2.3522 };
/** About five kilometres north of it. */
export const CELL_TOWER = { latitude: 48.9016, longitude: 2.3522 };
export const OSLO = { latitude: 59.9139, longitude: 10.7522 };

/** Makes a report of a day relative to today. */
export type MakeReport = (days: number, time: string, more?: Partial<TestReport>) => TestReport;

/** What makes reports of a tracker: of a phone that knows where it is, and of one that knows its cell tower. */
export function reportsOf(key: string, today: Date): { precise: MakeReport; imprecise: MakeReport } {
  const precise: MakeReport = (days, time, more) => ({
    key,
    at: at(today, days, time),
    ...PLACE,
    confidence: 3,
    accuracy: 8,
    ...more,
  });
  const imprecise: MakeReport = (days, time, more) => ({
    ...precise(days, time),
    ...CELL_TOWER,
    confidence: 1,
    accuracy: 5000,
    altitude: 35,
    speed: 1.5,
    course: 359.5,
    battery: 40,
    motion: 'walking',
    ...more,
  });
  return { precise, imprecise };
}

/** What a relation of history shows of a tracker, oldest first. */
export async function placesIn(
  db: TestDatabase,
  relation: string,
  key: string,
): Promise<Record<string, unknown>[]> {
  await db.settle();
  return db.query(
    `SELECT ST_Y(location) AS latitude, ST_X(location) AS longitude, horizontal_accuracy, confidence, imprecise,
       altitude, speed, course, battery, motion, located_at, last_report_at, report_count, nearest_city
     FROM ${relation} WHERE hashed_adv_key = $1 ORDER BY timestamp`,
    [key],
  );
}
