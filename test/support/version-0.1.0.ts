import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { createPoliciesSafely } from '../../src/database/changes-log.js';
import { readFoundation } from '../../src/migration/migrator.js';
import { withMigrationSession } from '../../src/migration/migration-session.js';
import { chooseFoundation, readCapabilities } from '../../src/database/server-capabilities.js';
import { reconnect, run } from './migrations.js';
import { TestDatabase } from './test-database.js';

/** Files of version 0.1.0 (commit 1fd3500) that the repository has no longer, or not as they were. */
export const FIXTURES_010 = join(import.meta.dirname, '..', 'fixtures', '0.1.0');

/**
 * Reports of fourteen days are raw in a new database: more than any test closes, so that time need not be moved. Both
 * versions take the setting from the environment.
 */
const LONG_RAW_RETENTION = { RAW_RETENTION_DAYS: '14' };

/** How a database of 0.1.0 is made. */
export interface Making010 {
  /** SQL that runs in the empty database. */
  before?: string;
  /** Environment variables beyond the defaults: with another HISTORY_ENGINE than that of the server, one that can move. */
  env?: Record<string, string>;
}

/** A database as version 0.1.0 made it: of no reports, or of those of tables that were there before. */
export async function createVersion010(
  engine: HistoryEngine,
  { before, env }: Making010 = {},
): Promise<TestDatabase> {
  const db = await TestDatabase.create(engine, { empty: true, env: { ...LONG_RAW_RETENTION, ...env } });
  if (before !== undefined) await run(db, before);
  await runSteps(db, ['0001']);
  if ((await readFoundation(db.dataSource))?.engine === 'timescaledb') {
    await db.administer(logNewReports());
    await createPoliciesSafely(db.dataSource, db.config);
  }
  return db;
}

/**
 * Runs the frozen steps of these folders that have not run yet, and nothing of what migrate() does beside them: as
 * version 0.1.0 ran its migrations, or as an upgrade that has not come further. What their preparations need has run before.
 */
export async function runSteps(db: TestDatabase, folders: readonly string[]): Promise<void> {
  const server = await readCapabilities(db.dataSource);
  const made = chooseFoundation(server, db.config);
  await withMigrationSession(db.config, db.url, made, server, async (session, { options }) => {
    const steps = migrations.filter((step) => folders.includes(new step().folder));
    for (const step of steps) await new step().prepare?.({ session, made, progress: () => undefined });
    const dataSource = await new DataSource({ ...options, migrations: steps }).initialize();
    try {
      await dataSource.runMigrations({ transaction: 'each' });
    } finally {
      await dataSource.destroy();
    }
  });
  await reconnect(db);
}

/**
 * log_new_reports() as 0.1.0 had it. Step 0001 creates another one, because only a superuser may create this one. It goes
 * on belonging to the owner of the database.
 */
function logNewReports(): string {
  const file = readFileSync(join(FIXTURES_010, 'report_triggers.sql'), 'utf8');
  const found = /^CREATE (FUNCTION log_new_reports\(\).*?^END \$\$;)$/ms.exec(file);
  if (!found?.[1]?.includes("SET tracker.logs_changes = 'on'"))
    throw new Error('report_triggers.sql is not that of 0.1.0');
  return `CREATE OR REPLACE ${found[1]}`;
}
