import { MigrationExecutor } from 'typeorm';
import type { AppConfig } from '../src/config/app-config.js';
import { createPoliciesSafely } from '../src/database/changes-log.js';
import { installPostgis, installTimescaledb } from '../src/migration/extensions.js';
import { withMigrationLock, withMigrationSession } from '../src/migration/migration-session.js';
import { Step } from '../src/database/schema/step.js';
import { chooseFoundation, readCapabilities } from '../src/database/server-capabilities.js';
import { inTransaction } from '../src/database/transactions.js';

/** The steps of 0.1.0, which had all functions and views in them. */
const FOLDER = '0001';

/** Makes the schema as `migrate` of 0.1.0 made it. @returns the engine. */
export function createVersion010(config: AppConfig, url: string): Promise<'timescaledb' | 'postgresql'> {
  return withMigrationLock(config, url, async (guard) => {
    if (config.HISTORY_ENGINE !== 'postgresql') await installTimescaledb(guard);
    const server = await readCapabilities(guard);
    const made = chooseFoundation(server, config);
    if (made.spatialLayer === 'postgis') await installPostgis(guard);
    await withMigrationSession(config, url, made, server, async (session, dataSource) => {
      const executor = new MigrationExecutor(dataSource, session);
      for (const migration of await executor.getPendingMigrations()) {
        if (migration.instance instanceof Step && migration.instance.folder === FOLDER) {
          await inTransaction(session, () => executor.executeMigration(migration));
        }
      }
      if (made.engine === 'timescaledb') await createPoliciesSafely(dataSource, config);
    });
    return made.engine;
  });
}

/**
 * Statements of 0.1.0, as its processes go on sending them while the database is upgraded: frozen here, because the files
 * in sql/queries follow the schema of today.
 */
export const STATEMENTS_010 = {
  /** $1 hashed_adv_key, $2 timestamp: by hand, as the manual shows it. */
  insertReport: `INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy)
    VALUES ($1, $2, ST_SetSRID(ST_MakePoint(7.1, 50.7), 4326), 2, 12)`,

  copyIncoming: `COPY incoming_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence,
    horizontal_accuracy, status, nearest_city, source) FROM STDIN`,
  takeInBatch: 'SELECT take_in_batch($1, $2, $3, $4, $5, $6) AS ledger',
  beginRun: 'SELECT id FROM begin_import_run(NULL, $1, $2, $3, NULL, $4, $5)',

  /** queries/location-history/find-range.sql. $1 tracker id, $2 start, $3 end, $4 time zone, $5 bucket size, $6 limit */
  findRange: `
    SELECT history_row_id($1::bigint, v.bucket_size, v.timestamp) AS id, $1::bigint AS tracker_id, v.timestamp, v.bucket_size,
      v.location, v.nearest_city, v.last_report_at, v.first_report_at, v.report_count, v.confidence, v.max_confidence,
      v.horizontal_accuracy, v.status, v.source, true AS is_exact
    FROM history_in_hours AS v
    WHERE $4::text IS NULL
      AND v.hashed_adv_key = (SELECT hashed_adv_key FROM trackers WHERE id = $1)
      AND v.timestamp > $2::timestamptz - interval '24 hours' AND v.timestamp < $3::timestamptz
      AND v.timestamp + bucket_width(v.bucket_size) > $2
      AND ($5::text IS NULL OR v.bucket_size = $5)
    UNION ALL
    SELECT history_row_id($1, '1 day', d.starts_at) || ':' || $4, $1, d.starts_at, '1 day',
      d.location, d.nearest_city, d.last_report_at, d.first_report_at, d.report_count, d.confidence, d.max_confidence,
      d.horizontal_accuracy, d.status, d.source, d.is_exact
    FROM history_in_zone_days((SELECT hashed_adv_key FROM trackers WHERE id = $1), $2, $3, $4) AS d
    WHERE $4 IS NOT NULL
    ORDER BY timestamp LIMIT $6::integer`,

  /** queries/location-history/find-latest.sql. $1 tracker ids */
  findLatest: 'SELECT l.* FROM latest_locations AS l WHERE l.tracker_id = ANY ($1::bigint[])',

  /** What SQL and BI users ask. $1 tracker id */
  readView: 'SELECT * FROM location_history WHERE tracker_id = $1 ORDER BY timestamp DESC',
} as const;
