import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { AggregatesRepository } from '../../src/aggregates/aggregates.repository.js';
import { AggregatesService, type MaintenanceReport } from '../../src/aggregates/aggregates.service.js';
import type { AppConfig } from '../../src/config/app-config.js';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { createDataSource } from '../../src/database/data-source.js';
import { type MigrationReport, migrate, undoMigrations } from '../../src/migration/migrator.js';
import { retryTransient } from '../../src/database/retry.js';
import type { LockService } from '../../src/locking/lock.service.js';
import { clockOf, locksOf } from './services.js';
import {
  asAdministrator,
  withClient,
  closeToConnections,
  configOf,
  copyDatabase,
  createEmpty,
  createMigrated,
  databaseUrl,
  type DatabaseSettings,
  type ServerAccess,
  serverOf,
  stopJobs,
} from './servers/database-servers.js';

/**
 * Parses bigint as a number, because counts in tests are small. For the tests' own connections only: the application
 * under test shares this process.
 */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

export interface TestDatabaseOptions {
  /** Environment variables beyond the defaults, e.g. `RAW_RETENTION_DAYS`. */
  env?: Record<string, string>;
  /** Leave the database empty. */
  empty?: boolean;
  /** Server of the database, e.g. one with a movable clock; by default the server of the engine. */
  server?: ServerAccess;
  /** Closed database to copy; see TestDatabase.close(). */
  copyOf?: TestDatabase;
}

/** Whether the database has a history_clock; databases of earlier versions have none. */
async function hasClock(dataSource: DataSource): Promise<boolean> {
  const [{ found }] = await dataSource.query<[{ found: boolean }]>(
    `SELECT to_regclass('history_clock') IS NOT NULL AS found`,
  );
  return found;
}

/** A migrated database for one test file. All statements run as its owner, who is not a superuser. */
export class TestDatabase {
  private constructor(
    readonly url: string,
    readonly config: AppConfig,
    readonly pool: pg.Pool,
    readonly dataSource: DataSource,
    readonly aggregates: AggregatesService,
    readonly locks: LockService,
    private readonly server: ServerAccess,
  ) {}

  static async create(engine: HistoryEngine, options: TestDatabaseOptions = {}): Promise<TestDatabase> {
    const server = options.server ?? serverOf(engine);
    if (server === undefined) throw new Error(`no server for ${engine}`);
    const name = `test_${randomBytes(6).toString('hex')}`;
    const url = databaseUrl(server, name);
    const settings: DatabaseSettings = { engine, env: options.env ?? {}, zone: process.env['TEST_TIMEZONE'] };
    const config = configOf(settings, url);
    const { copyOf } = options;
    // a copy of a migrated template, or of another database
    const isMigrated = copyOf !== undefined || (!options.empty && options.server === undefined);
    await asAdministrator(server, (admin) =>
      copyOf !== undefined
        ? copyDatabase(admin, server, copyOf.name, name)
        : (isMigrated ? createMigrated : createEmpty)(admin, server, name, settings),
    );
    if (!options.empty && !isMigrated) await migrate(config, url);
    const dataSource = await createDataSource(config, url).initialize();
    const pool = new pg.Pool({ connectionString: url, max: 20, types });
    // drop() may terminate sessions that are still closing; without listeners their errors would end this process.
    pool.on('connect', (client) => client.on('error', () => undefined));
    pool.on('error', () => undefined);
    // Records the clock of this machine, as the refresher of a deployment does.
    if (await hasClock(dataSource)) await clockOf(dataSource).observe();
    const locks = locksOf(dataSource);
    return new TestDatabase(
      url,
      config,
      pool,
      dataSource,
      new AggregatesService(new AggregatesRepository(dataSource), locks, clockOf(dataSource)),
      locks,
      server,
    );
  }

  /** Name of the database. */
  get name(): string {
    return new URL(this.url).pathname.slice(1);
  }

  /** Identifier of a prepared transaction. All databases of a server share them, so it contains the name. */
  get gid(): string {
    return `half 'done' in ${this.name}`;
  }

  async query<T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> {
    return (await this.pool.query<T>(sql, values)).rows;
  }

  /** Runs statements that the owner may not run; see asAdministrator(). */
  async administer(sql: string, values?: unknown[]): Promise<void> {
    await asAdministrator(this.server, (admin) => admin.query(sql, values), this.name);
  }

  /** Runs a query. @returns the first value of its first row. */
  async value<T>(sql: string, values: unknown[] = []): Promise<T> {
    const [row] = await this.query(sql, values);
    return Object.values(row ?? {})[0] as T;
  }

  /** Refreshes all aggregates and the materialized view now, as the refresher soon would. */
  async settle(): Promise<void> {
    // A policy of TimescaleDB may be refreshing the same hours: retry then, as the refresher does.
    while (['more', 'held'].includes(await retryTransient(() => this.aggregates.aggregateChanges())));
    while ((await this.aggregates.refreshView()).moreToDo);
  }

  /** Runs maintenance as the job does; null when another process holds its lock. */
  maintain(): Promise<MaintenanceReport | null> {
    return runMaintenance(this.aggregates, this.locks);
  }

  /** Runs `tracker migrate`. */
  migrate(): Promise<MigrationReport> {
    return migrate(this.config, this.url);
  }

  /** Undoes all migrations. @returns their number. */
  undoMigrations(): Promise<number> {
    return undoMigrations(this.config, this.url);
  }

  /** Replaces the open connections, which do not see all changes of a migration, e.g. a new search_path. */
  async reconnect(): Promise<void> {
    await this.dataSource.destroy();
    await this.dataSource.initialize();
  }

  /** Runs statements on a new connection, which sees all changes of a migration. */
  async queryOnNewConnection(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
    return withClient(
      this.url,
      async (client) => (await client.query<Record<string, unknown>>(sql, values)).rows,
    );
  }

  /** Every row of every table, as text: everything that a backup would contain. */
  async allRowsAsText(): Promise<string> {
    const tables = await this.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^(_timescaledb|pg_temp_)'`,
    );
    const texts = await Promise.all(
      tables.map(({ name }) =>
        this.value<string | null>(`SELECT string_agg(t::text, E'\\n') FROM ${name} AS t`),
      ),
    );
    return texts.join('\n');
  }

  /** Registers a tracker. @returns its id. */
  async register(name: string, hashedAdvKey = name): Promise<string> {
    return String(
      await this.value('INSERT INTO trackers (name, hashed_adv_key) VALUES ($1, $2) RETURNING id', [
        name,
        hashedAdvKey,
      ]),
    );
  }

  /**
   * Closes the database to all connections, so that it can be copied. TimescaleDB's jobs are disabled in the copies.
   */
  async close(): Promise<void> {
    const [state] = await this.query<{ engine: string }>('SELECT engine FROM history_state');
    if (state?.engine === 'timescaledb') await stopJobs(this.server, this.name);
    await this.dataSource.destroy();
    await this.pool.end();
    await asAdministrator(this.server, (admin) => closeToConnections(admin, this.name));
  }

  async drop(): Promise<void> {
    if (this.dataSource.isInitialized) {
      await this.dataSource.destroy();
      await this.pool.end();
    }
    await asAdministrator(this.server, (admin) =>
      admin.query(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`),
    );
  }
}

/** Runs maintenance under the lock of the job; null when another process holds it. */
export async function runMaintenance(
  aggregates: AggregatesService,
  locks: LockService,
): Promise<MaintenanceReport | null> {
  const tried = await locks.withLock('maintenance', (session) => aggregates.maintain(session));
  if (tried.outcome === 'unavailable') throw tried.error;
  return tried.outcome === 'held' ? null : tried.result;
}
