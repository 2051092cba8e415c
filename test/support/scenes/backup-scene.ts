import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from '@jest/globals';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { allServers, withClient } from '../servers/database-servers.js';
import { at, type TestReport } from '../history-oracle.js';
import { aDevice, aKeyPair } from './find-my-scene.js';
import { runCli, RunningProduct } from '../processes.js';
import { dayNames, historyToday, keepRaw, LONG_RAW_RETENTION, maintain } from '../history.js';
import { dailyReports, insertReports } from '../reports.js';
import { eventually } from '../waiting.js';
import { TestDatabase, type TestDatabaseOptions } from '../test-database.js';
import { execFileSync } from 'node:child_process';

export const ENCRYPTION_KEY = Buffer.alloc(32, 1).toString('base64');
/** Number of days with raw reports at the time of the backup. */
export const RAW_DAYS = 4;
const WALK_LENGTH = 5000;

/** A database in use, with data in every table that a backup has to restore. */
export class BackupScene {
  private readonly folder = mkdtempSync(join(tmpdir(), 'backup-'));
  readonly walkFile = join(this.folder, 'walk.ndjson');
  private importing: RunningProduct | undefined;

  private constructor(
    readonly db: TestDatabase,
    readonly today: Date,
    /** All reports except the walk, in the order of their ingest. */
    readonly reports: TestReport[],
    /** Reports of the import that is running during the backup. */
    readonly walk: readonly TestReport[],
  ) {}

  /** @param options server of the database, if not the engine's own. */
  static async create(
    engine: HistoryEngine,
    options: Pick<TestDatabaseOptions, 'server'>,
  ): Promise<BackupScene> {
    const db = await TestDatabase.create(engine, { ...options, env: LONG_RAW_RETENTION });
    const today = await historyToday(db);
    const walk = Array.from({ length: WALK_LENGTH }, (_, i) => ({
      key: 'walker',
      at: new Date(at(today, -1, '06:00:00').getTime() + i * 1000),
      latitude: 50 + i / 10_000,
      longitude: 8,
    }));
    const scene = new BackupScene(db, today, [], walk);
    await scene.fillHistory(engine);
    await scene.fillTheRest();
    return scene;
  }

  /** Fills two weeks: closed days with late reports, raw days (compressed), and changes not yet aggregated. */
  private async fillHistory(engine: HistoryEngine): Promise<void> {
    const { db, today } = this;
    for (const key of ['a', 'b', 'walker']) await db.register(key);
    await this.insert(
      ['a', 'b'].flatMap((key) => dailyReports(key, today, { from: -13, to: -1, perDay: 12 })),
    );
    await db.settle();
    await keepRaw(db, RAW_DAYS);
    expect((await maintain(db)).daysClosed).toEqual(dayNames(today, 9, RAW_DAYS + 1));
    await this.insert([-12, -7].map((day) => anotherReport(today, day)));
    await db.settle();
    if (engine === 'timescaledb') {
      const jobs = await db.query<{ id: number }>(
        `SELECT job_id AS id FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'`,
      );
      for (const { id } of jobs) {
        await db.query(`CALL run_job(${id})`);
        await db.query('SELECT alter_job($1, scheduled => true)', [id]); // other policies stay disabled
      }
    }
    await this.insert([-3, -1].map((day) => anotherReport(today, day))); // the first one into a compressed day
  }

  private async insert(reports: readonly TestReport[]): Promise<void> {
    await insertReports(this.db, reports);
    this.reports.push(...reports);
  }

  private async fillTheRest(): Promise<void> {
    const { db, today } = this;
    const env = { DATABASE_URL: db.url, TRACKER_KEY_ENCRYPTION_KEY: ENCRYPTION_KEY };
    const keys = JSON.stringify([aDevice('Bike', [aKeyPair(1), aKeyPair(2)])]);
    expect(await runCli(['keys', 'import', '-'], env, keys)).toMatchObject({ code: 0 });
    const timestamp = at(today, -1, '12:34:56').toISOString();
    const rejected = [
      { tracker: 'nobody', timestamp, latitude: 50, longitude: 8 },
      { tracker: 'a', timestamp, latitude: 91, longitude: 8 },
    ].map((line) => JSON.stringify(line));
    const imported = await runCli(['import', '-'], env, rejected.join('\n'));
    expect(imported.stdout).toContain('2 read = 0 stored + 0 late + 0 duplicate + 2 rejected');
    await db.query(`INSERT INTO tracker_devices SELECT 'phone', id FROM trackers WHERE name = 'a'`);
    // One finished run and one that is running.
    await db.query(
      `INSERT INTO job_runs (job, slot, attempt, holder, outcome, finished_at)
       VALUES ('geocode', date_trunc('hour', now()), 1, 'here', 'done', now()),
         ('maintenance', date_trunc('hour', now()) - interval '1 hour 53 minutes', 1, 'here', 'running', NULL)`,
    );
  }

  /**
   * Runs `work` while an import is suspended halfway and a job's lock is held, as in a busy database. Nothing changes
   * the database meanwhile.
   */
  async whileBusy<T>(work: () => Promise<T>): Promise<T> {
    const lines = this.walk.map(({ key, at: moment, latitude, longitude }) =>
      JSON.stringify({ tracker: key, timestamp: moment.toISOString(), latitude, longitude }),
    );
    writeFileSync(this.walkFile, lines.join('\n'));
    const { db } = this;
    const env = { DATABASE_URL: db.url, IMPORT_BATCH_SIZE: '100' };
    this.importing = RunningProduct.cli(['import', this.walkFile], env);
    await this.importing.waitForOutput(/reports read/, 60_000);
    this.importing.child.kill('SIGSTOP');
    await eventually(async () => {
      // A COPY that waits for its stopped client changes nothing.
      const busy = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
        AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND wait_event IS DISTINCT FROM 'ClientRead'`;
      expect(await db.value(busy)).toBe(0);
    });
    const tried = await db.locks.withLock('maintenance', work);
    this.importing.child.kill('SIGCONT');
    if (tried.outcome !== 'acquired') throw new Error(`the lock is ${tried.outcome}`);
    await this.importing.waitForOutput(new RegExp(`${WALK_LENGTH} read = `), 120_000);
    return tried.result;
  }

  async drop(): Promise<void> {
    await this.importing?.destroy();
    await this.db.drop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A report of tracker `a` at a time that no other report has. */
export function anotherReport(today: Date, day: number, time = '17:17:17.017'): TestReport {
  return {
    key: 'a',
    at: at(today, day, time),
    latitude: 12,
    longitude: 34,
    confidence: 2,
    city: 'Elsewhere',
  };
}

/** Number of rows of each table, and a digest of all its rows. */
type TableContents = Record<string, { rows: number; digest: string }>;

/** Contents of the product's tables, by name. */
export function contentsOf(db: TestDatabase): Promise<TableContents> {
  return withClient(db.url, async (client) => {
    await client.query("SET timezone = 'UTC'");
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class AS c WHERE relkind IN ('r', 'p')
         AND relnamespace = 'public'::regnamespace AND NOT EXISTS (
           SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
       ORDER BY 1`,
    );
    const contents: TableContents = {};
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(
        `SELECT t::text AS row FROM ${name} AS t ORDER BY t::text COLLATE "C"`,
      );
      const digest = createHash('sha256').update(rows.map(({ row }) => `${row}\n`).join(''));
      contents[name] = { rows: rows.length, digest: digest.digest('hex') };
    }
    return contents;
  });
}

/**
 * Definitions and owners of relations and functions; triggers, indexes and constraints. Leaves out two harmless
 * differences after a restore: a view may name a column in the second half of a UNION, and a chunk may inherit a
 * constraint of its hypertable as not validated.
 */
export async function definitionsOf(db: TestDatabase): Promise<string[]> {
  return withClient(db.url, async (client) => {
    const ours = `relnamespace IN ('public'::regnamespace, 'tracker_compat'::regnamespace, to_regnamespace('_timescaledb_internal'))`;
    const notOfAnExtension = (catalog: string): string =>
      `NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = '${catalog}'::regclass AND d.objid = o.oid AND d.deptype = 'e')`;
    const { rows } = await client.query<{ definition: string }>(
      `SELECT concat_ws(' ', relkind::text, oid::regclass, relowner::regrole, relpersistence::text, reloptions::text,
           CASE WHEN relkind IN ('v', 'm') THEN replace(pg_get_viewdef(oid), '::text AS text', '::text') END) AS definition
         FROM pg_class AS o WHERE relkind NOT IN ('i', 'I', 't', 'c') AND ${ours} AND ${notOfAnExtension('pg_class')}
       UNION ALL SELECT pg_get_functiondef(oid) || ' ' || proowner::regrole FROM pg_proc AS o
         WHERE pronamespace IN ('public'::regnamespace, 'tracker_compat'::regnamespace) AND ${notOfAnExtension('pg_proc')}
       UNION ALL SELECT pg_get_triggerdef(t.oid) || ' ' || tgenabled::text FROM pg_trigger AS t
         JOIN pg_class AS o ON o.oid = tgrelid WHERE NOT tgisinternal AND ${ours} AND ${notOfAnExtension('pg_class')}
       UNION ALL SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i
         JOIN pg_class AS o ON o.oid = i.indrelid WHERE ${ours} AND ${notOfAnExtension('pg_class')}
       UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, replace(pg_get_constraintdef(c.oid), ' NOT VALID', '')) FROM pg_constraint AS c
         JOIN pg_class AS o ON o.oid = conrelid WHERE ${ours} AND ${notOfAnExtension('pg_class')}
       ORDER BY 1`,
    );
    return rows.map(({ definition }) => definition);
  });
}

/** Policies of TimescaleDB: their settings, and whether they are scheduled. */
export function policiesOf(db: TestDatabase): Promise<Record<string, unknown>[]> {
  return db.query(
    `SELECT job_id, proc_name, owner, scheduled, schedule_interval::text, fixed_schedule, initial_start, max_runtime::text,
       max_retries, retry_period::text, config, hypertable_name FROM timescaledb_information.jobs
     WHERE proc_name LIKE 'policy_%' AND job_id >= 1000 ORDER BY job_id`,
  );
}

/** Days of raw reports, and whether each is compressed. */
export function chunksOf(db: TestDatabase): Promise<{ day: Date; is_compressed: boolean }[]> {
  return db.query(
    `SELECT range_start AS day, is_compressed FROM timescaledb_information.chunks
     WHERE hypertable_name = 'location_reports' ORDER BY 1`,
  );
}

const NEEDED_PROGRAMS = ['pg_dump', 'pg_restore', 'psql', 'createdb', 'dropdb'];
const DEBIAN_FOLDER = '/usr/lib/postgresql';

/** A server that can be backed up here. */
export interface BackupServer {
  /** Address of its administrator. */
  admin: string;
  /** Options that create a test database on it. */
  options: Pick<TestDatabaseOptions, 'server'>;
  /** Folder of the client programs of its version. */
  programs: string;
}

/**
 * Finds a server for databases of an engine, with installed client programs (pg_dump and others) of its version.
 * Prefers the server of the engine. The postgresql engine works on any other server too: the embedded one has no client
 * programs.
 *
 * @returns the server, or a text that names what is missing.
 */
export function findBackupServer(engine: HistoryEngine): BackupServer | string {
  const usable = allServers().filter((server) => server.engine === engine || engine === 'postgresql');
  for (const server of usable) {
    const programs = findClientPrograms(server.majorVersion);
    if (programs === undefined) continue;
    return { admin: server.admin, options: server.engine === engine ? {} : { server }, programs };
  }
  if (usable.length === 0) return `no server for ${engine}`;
  const versions = usable.map(({ majorVersion }) => majorVersion).join(' or ');
  return `no pg_dump of PostgreSQL ${versions} in PATH or ${DEBIAN_FOLDER}`;
}

/**
 * The folder with pg_dump, pg_restore, psql, createdb and dropdb of a major version; undefined if there is none.
 *
 * Searches Debian's own folders before PATH, because /usr/bin has wrappers that choose a version themselves.
 */
export function findClientPrograms(majorVersion: number): string | undefined {
  const installed = existsSync(DEBIAN_FOLDER)
    ? readdirSync(DEBIAN_FOLDER).map((name) => join(DEBIAN_FOLDER, name, 'bin'))
    : [];
  return [...installed, ...(process.env['PATH'] ?? '').split(delimiter)].find(
    (folder) =>
      NEEDED_PROGRAMS.every((program) => existsSync(join(folder, program))) &&
      majorVersionOf(join(folder, 'pg_dump')) === majorVersion,
  );
}

function majorVersionOf(program: string): number | undefined {
  try {
    const output = execFileSync(program, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number(/(\d+)/.exec(output)?.[1]);
  } catch {
    return undefined;
  }
}
