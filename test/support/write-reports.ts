import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { TestReport } from './history-oracle.js';

/** What statements are given to. */
interface Queries {
  query(sql: string, values?: unknown[]): Promise<unknown>;
}

/** Inserts reports with one plain statement, as any program would. */
export async function insertReports(
  db: Queries,
  reports: readonly TestReport[],
  conflict: '' | 'ON CONFLICT DO NOTHING' = '',
): Promise<void> {
  await db.query(
    `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, nearest_city,
       altitude, speed, course, battery, motion)
     SELECT key, at, ST_SetSRID(ST_MakePoint(longitude, latitude), 4326), confidence, accuracy, city,
       altitude, speed, course, battery, motion
     FROM jsonb_to_recordset($1) AS r (key text, at timestamptz, latitude float8, longitude float8,
       confidence int, accuracy float8, city text, altitude float8, speed float8, course float8, battery int, motion text)
     ORDER BY key, at ${conflict}`,
    [JSON.stringify(reports)],
  );
}

/** Brings reports by COPY, on a session of one's own. */
export async function copyReports(client: ClientBase, reports: readonly TestReport[]): Promise<void> {
  const { rows } = await client.query<{ line: string }>(
    `SELECT concat_ws(E'\\t', key, at, ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geo_point, coalesce(confidence, '\\N'),
       coalesce(accuracy, '\\N'), coalesce(city, '\\N'), coalesce(altitude, '\\N'), coalesce(speed, '\\N'),
       coalesce(course, '\\N'), coalesce(battery, '\\N'), coalesce(motion, '\\N')) || E'\\n' AS line
     FROM jsonb_to_recordset($1) AS r (key text, at text, latitude float8, longitude float8, confidence text, accuracy text,
       city text, altitude text, speed text, course text, battery text, motion text)`,
    [JSON.stringify(reports)],
  );
  await pipeline(
    Readable.from(rows.map(({ line }) => line)),
    client.query(
      copyFrom(`COPY location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, nearest_city,
        altitude, speed, course, battery, motion) FROM STDIN`),
    ),
  );
}
