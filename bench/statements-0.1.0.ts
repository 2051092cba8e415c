import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIXTURES_010 } from '../test/support/upgrade/version-0.1.0.js';

function query(name: string): string {
  return readFileSync(join(FIXTURES_010, 'queries', `${name}.sql`), 'utf8');
}

/** Statements of 0.1.0, which its processes still send while the database is upgraded. They never change. */
export const STATEMENTS_010 = {
  /** The INSERT of the manual. $1 hashed_adv_key, $2 timestamp */
  insertReport: `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy)
    VALUES ($1, $2, ST_SetSRID(ST_MakePoint(7.1, 50.7), 4326), 2, 12)`,

  copyIncoming: `COPY incoming_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence,
    horizontal_accuracy, status, nearest_city, source) FROM STDIN`,
  takeInBatch: 'SELECT take_in_batch($1, $2, $3, $4, $5, $6) AS ledger',
  beginRun: 'SELECT id FROM begin_import_run(NULL, $1, $2, $3, NULL, $4, $5)',

  /** $1 tracker id, $2 start, $3 end, $4 time zone, $5 bucket size, $6 limit */
  findRange: query('location-history/find-range'),

  /** $1 tracker ids */
  findLatest: query('location-history/find-latest'),

  /** A query of a SQL or BI tool. $1 tracker id */
  readView: 'SELECT * FROM location_history WHERE tracker_id = $1 ORDER BY timestamp DESC',
} as const;
