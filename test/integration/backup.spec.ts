import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SchemaGuard } from '../../src/migration/schema-guard.js';
import {
  anotherReport,
  BackupScene,
  chunksOf,
  contentsOf,
  definitionsOf,
  ENCRYPTION_KEY,
  findBackupServer,
  policiesOf,
  RAW_DAYS,
} from '../support/scenes/backup-scene.js';
import { databaseUrl, withClient } from '../support/servers/database-servers.js';
import { Document } from '../documents/document.js';
import { type Printed, Shell } from '../documents/shell.js';
import { runCli, RunningProduct } from '../support/processes.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import { boundaries, DOCUMENTED_REFRESH, expectHistoryOf, keepRaw, readHistory } from '../support/history.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const GUIDE = new Document('docs/backup.md');
/** pg_dump's warning about TimescaleDB's catalog, which the guide calls normal. */
const CIRCULAR = `pg_dump: warning: there are circular foreign-key constraints on this table:
pg_dump: detail: continuous_agg
pg_dump: hint: You might not be able to restore the dump without using --disable-triggers or temporarily dropping the constraints.
pg_dump: hint: Consider using a full dump instead of a --data-only dump to avoid this problem.
`;

describeOnEveryEngine('backup and restore as documented', (engine) => {
  const found = findBackupServer(engine);
  if (typeof found === 'string') {
    it.skip(`[skipped: ${found}]`, () => undefined);
    return;
  }
  const { admin, options, programs } = found;
  let scene: BackupScene;
  let restored: TestDatabase;
  let shell: Shell;
  /** State of the database at the moment of the backup. */
  let before: {
    contents: Awaited<ReturnType<typeof contentsOf>>;
    definitions: string[];
    policies: Awaited<ReturnType<typeof policiesOf>>;
    chunks: Awaited<ReturnType<typeof chunksOf>>;
  };
  let dumpOutput: Printed[];
  let restoreOutput: Printed[];
  /** Reports in the restored database, in the order of their ingest. */
  let reports: TestReport[];
  let running: RunningProduct | undefined;

  const onTimescale = engine === 'timescaledb';
  const run = async (heading: string): Promise<Printed[]> => {
    const printed: Printed[] = [];
    for (const block of GUIDE.blocksBelow(heading)) printed.push(await shell.run(block));
    return printed;
  };
  const asAdministrator = (sql: string): Promise<unknown> =>
    withClient(databaseUrl({ admin }, restored.name), (client) => client.query(sql));

  beforeAll(async () => {
    scene = await BackupScene.create(engine, options);
    // For its name and owner; the guide's commands drop and create it.
    restored = await TestDatabase.create(engine, { ...options, empty: true });
    await restored.dataSource.destroy();
    const variables = {
      DATABASE_URL: scene.db.url,
      RESTORED_OWNER: await scene.db.value<string>('SELECT current_user'),
      RESTORED_DATABASE: restored.name,
      RESTORED_URL: restored.url,
      ADMIN_URL: admin,
      RESTORED_ADMIN_URL: databaseUrl({ admin }, restored.name),
    };
    expect(Object.keys(variables)).toEqual(GUIDE.variablesBelow('What you need'));
    shell = new Shell(programs, variables);

    [before, dumpOutput] = await scene.whileBusy(async () => [
      {
        contents: await contentsOf(scene.db),
        definitions: await definitionsOf(scene.db),
        policies: onTimescale ? await policiesOf(scene.db) : [],
        chunks: onTimescale ? await chunksOf(scene.db) : [],
      },
      await run('Back up'),
    ]);
    await run('If a restore fails');
    restoreOutput = await run(`Restore the ${engine} engine`);
    await restored.dataSource.initialize();
  }, 240_000);
  afterAll(async () => {
    await running?.destroy();
    if (!restored.dataSource.isInitialized) await restored.dataSource.initialize(); // the restore failed
    await restored.drop();
    await scene.drop();
    shell.remove();
  });

  it('prints no warning that the guide does not explain', () => {
    expect(dumpOutput).toEqual([{ stdout: '', stderr: onTimescale ? CIRCULAR : '' }]);
    expect(restoreOutput.map(({ stderr }) => stderr).join('')).toBe('');
    if (onTimescale) expect(restoreOutput.at(-1)?.stdout).toBe(''); // the check of timescaledb_post_restore()
  });

  it('detects a truncated file', async () => {
    const [, check = ''] = GUIDE.blocksBelow('Back up')[0]?.split('\n') ?? [];
    await shell.run('mkdir cut && head --bytes=-100 tracker.dump >cut/tracker.dump');
    await expect(shell.run(`cd cut\n${check}`)).rejects.toThrow('pg_restore: error');
  });

  it('restores every row of every table', async () => {
    expect(before.contents).toMatchObject({
      import_runs: { rows: 2 },
      rejected_reports: { rows: 2 },
      tracker_keys: { rows: 2 },
      tracker_devices: { rows: 1 },
      job_runs: { rows: 2 },
      lock_leases: { rows: 1 },
    });
    expect(before.contents['refresh_markers']?.rows).toBeGreaterThan(0);
    expect(await contentsOf(restored)).toEqual(before.contents);
  });

  it('restores relations, functions and triggers with their owner', async () => {
    expect(await definitionsOf(restored)).toEqual(before.definitions);
  });

  if (onTimescale) {
    it('restores compressed chunks and scheduled policies', async () => {
      for (let day = -RAW_DAYS; day < -1; day++) {
        expect(before.chunks).toContainEqual({ day: at(scene.today, day, '00:00:00'), is_compressed: true });
      }
      expect(await chunksOf(restored)).toEqual(before.chunks);
      expect(before.policies.map((policy) => policy['scheduled'])).toEqual([true, false, false]);
      expect(await policiesOf(restored)).toEqual(before.policies);
    });
  }

  it('passes the schema guard after migrate, which has nothing to do', async () => {
    const guard = (): Promise<void> => new SchemaGuard(restored.dataSource, restored.config).verify();
    if (engine === 'postgresql') await expect(guard()).rejects.toThrow('tracker_compat');
    const [migrated] = await run('Start on the restored database');
    expect(migrated?.stdout).toMatch(new RegExp(`^nothing to do; engine ${engine}, `));
    await restored.dataSource.destroy();
    await restored.dataSource.initialize(); // only new connections see settings of the database
    await guard();
  });

  it('restores the history up to the backup', async () => {
    const [walk] = await restored.query<{ read: number; owner: string }>(
      "SELECT read, owner FROM import_runs WHERE outcome = 'running'",
    );
    expect(walk?.read).toBeGreaterThan(0);
    expect(walk?.read).toBeLessThan(scene.walk.length);
    reports = [...scene.reports, ...scene.walk.slice(0, walk?.read)];
    await expectHistoryOf(restored, reports);
  });

  it('keeps the history in a refresh', async () => {
    const history = await readHistory(restored);
    await restored.query(DOCUMENTED_REFRESH);
    expect(await readHistory(restored)).toEqual(history);
  });

  it('counts the next report and the next late report once', async () => {
    const next = [
      { ...anotherReport(scene.today, 0), at: new Date() },
      anotherReport(scene.today, -9),
      anotherReport(scene.today, -3, '18:18:18.018'),
    ];
    await insertReports(restored, next);
    reports.push(...next);
    await expectHistoryOf(restored, reports);
    expect(await ingestReports(restored, next)).toEqual({ duplicate: 3 });
    await expectHistoryOf(restored, reports);
  });

  it('stores only reports newer than the backup when everything is imported again', async () => {
    const later = [anotherReport(scene.today, -1, '19:19:19'), anotherReport(scene.today, -8, '19:19:19')];
    expect(await ingestReports(restored, [...scene.reports, ...later])).toEqual({
      duplicate: scene.reports.length,
      stored: 1,
      late: 1,
    });
    reports.push(...later);
    await expectHistoryOf(restored, reports);
  });

  it('resumes the import that was running', async () => {
    const env = { DATABASE_URL: restored.url, IMPORT_BATCH_SIZE: '100' };
    const { code, stdout } = await runCli(['import', scene.walkFile], env);
    expect(stdout).toMatch(/continued after the first \d+/);
    expect(stdout).toContain(`${scene.walk.length} read = ${scene.walk.length} stored`);
    expect(code).toBe(0);
    reports = [...reports.filter(({ key }) => key !== 'walker'), ...scene.walk];
    await expectHistoryOf(restored, reports);
  });

  it('decrypts private keys with the encryption key', async () => {
    const env = {
      DATABASE_URL: restored.url,
      TRACKER_KEY_ENCRYPTION_KEY: Buffer.alloc(32, 2).toString('base64'),
      TRACKER_KEY_ENCRYPTION_OLD_KEYS: ENCRYPTION_KEY,
    };
    expect(await runCli(['keys', 'rotate'], env)).toMatchObject({ code: 0 });
  });

  it('closes due days once the service runs', async () => {
    running = RunningProduct.server({
      DATABASE_URL: restored.url,
      APP_ROLES: 'refresher',
      PORT: '0',
      RAW_RETENTION_DAYS: '2',
    });
    await eventually(async () => {
      const runs = await restored.query(
        "SELECT outcome, error FROM job_runs WHERE job = 'maintenance' ORDER BY id",
      );
      expect(runs.slice(0, 2)).toEqual([
        { outcome: 'failed', error: 'its process ended, or lost the lock' },
        { outcome: 'done', error: null },
      ]);
    }, 60_000);
    expect(await boundaries(restored)).toEqual({
      horizon: at(scene.today, -2, '00:00:00'),
      cut: at(scene.today, -1, '00:00:00'),
    });
    await expectHistoryOf(restored, reports);
    await restored.query(DOCUMENTED_REFRESH);
    await expectHistoryOf(restored, reports);
    expect(await ingestReports(restored, reports)).toEqual({ duplicate: reports.length });
  }, 120_000);

  it('passes the health check', async () => {
    const [, checked] = await run('Start on the restored database');
    expect(checked?.stdout).toMatch(/\nNo problems\.\n/);
    await running?.end('SIGTERM');
  });

  it('blocks only the closing of days while it runs, and no reader or writer', async () => {
    await expectHistoryOf(scene.db, [...scene.reports, ...scene.walk]);
    await keepRaw(scene.db, 2);
    await withClient(scene.db.url, async (backup) => {
      await backup.query(`BEGIN ISOLATION LEVEL REPEATABLE READ`);
      await backup.query(
        `DO $$ BEGIN EXECUTE (SELECT 'LOCK TABLE ' || string_agg(oid::regclass::text, ', ') || ' IN ACCESS SHARE MODE'
           FROM pg_class WHERE relkind IN ('r', 'p') AND has_table_privilege(oid, 'SELECT')
             AND relnamespace::regnamespace::text IN ('public', '_timescaledb_internal'));
         END $$`,
      );
      const meanwhile = [
        anotherReport(scene.today, -1, '20:20:20'),
        anotherReport(scene.today, -10, '20:20:20'),
      ];
      await insertReports(scene.db, meanwhile);
      await expectHistoryOf(scene.db, [...scene.reports, ...scene.walk, ...meanwhile]);
      const closing = withClient(scene.db.url, async (client) => {
        await client.query("SET lock_timeout = '200ms'");
        await client.query('SELECT close_oldest_day()');
      });
      await expect(closing).rejects.toMatchObject({ code: '55P03' });
      await backup.query('ROLLBACK');
    });
    expect(await scene.db.value('SELECT close_oldest_day()')).toEqual(at(scene.today, -RAW_DAYS, '00:00:00'));
  });

  if (onTimescale) {
    it('reports an unfinished restore until timescaledb_post_restore()', async () => {
      const check = GUIDE.blocksBelow('Restore the timescaledb engine').at(-1) ?? '';
      await asAdministrator('SELECT timescaledb_pre_restore()');
      expect((await shell.run(check)).stdout).toBe('the restore is not finished\n');
      await asAdministrator('SELECT timescaledb_post_restore()');
      expect((await shell.run(check)).stdout).toBe('');
    });
  }
});
