import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import type { EmbeddedCluster } from '../../src/embedded/embedded-cluster.js';
import { NOTE_FILE } from '../../src/embedded/cluster-location.js';
import { findPrograms } from '../../src/embedded/programs.js';

const root = process.getuid?.() === 0;
/** The build, like the other processes here, because the watchdog is a separate program. */
const BUILT = join(import.meta.dirname, '..', '..', 'dist', 'src', 'embedded', 'embedded-cluster.js');
type Product = typeof import('../../src/embedded/embedded-cluster.js');
const FAST = { fsync: 'off', shared_buffers: '16MB' };
let startEmbeddedCluster: Product['startEmbeddedCluster'];
let scratch = '';
let count = 0;
const children: ChildProcess[] = [];
const clusters: EmbeddedCluster[] = [];
/** A program that uses a data folder until it reads a line from stdin. */
const USER_PROGRAM = `import { startEmbeddedCluster } from ${JSON.stringify(BUILT)};
const [dataDir, settings] = process.argv.slice(2);
const cluster = await startEmbeddedCluster({ dataDir, settings: JSON.parse(settings), log: console.error });
console.log(JSON.stringify(cluster));
process.stdin.once('data', async () => { await cluster.stop(); process.exit(0); });`;
interface User {
  child: ChildProcess;
  cluster: Promise<{ url: string; port: number; dataDir: string }>;
}

/** Another process that uses a data folder until it gets a line on stdin, or is killed. */
function userProcess(dataDir: string, settings: Record<string, string> = FAST): User {
  const args = [join(scratch, 'use.mjs'), dataDir, JSON.stringify(settings)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const cluster = (async () => {
    for await (const line of createInterface(child.stdout)) return JSON.parse(line) as EmbeddedCluster;
    throw new Error(`the process ended without a cluster:\n${stderr}`);
  })();
  cluster.catch(() => undefined);
  return { child, cluster };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function use(dataDir: string, settings: Record<string, string> = FAST): Promise<EmbeddedCluster> {
  const cluster = await startEmbeddedCluster({ dataDir, settings });
  clusters.push(cluster);
  return cluster;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows.flatMap((row) => Object.values(row));
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function postmasterPid(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

/** Whether a process runs. A zombie has no command line, and does not count. */
function alive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
}

async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  for (const end = Date.now() + ms; !(await condition());) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Path of a data folder that does not exist yet, and that an unprivileged server can access. */
function newDataDir(): string {
  return join(scratch, `it's "data" $HOME ${++count}`); // characters that a path may contain
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'embedded-'));
  await chmod(scratch, 0o755);
  writeFileSync(join(scratch, 'use.mjs'), USER_PROGRAM);
  ({ startEmbeddedCluster } = (await import(BUILT)) as Product);
});
afterEach(async () => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) await kill(child);
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('the embedded cluster', () => {
  it('keeps its data over a restart, with a password and in UTC', async () => {
    const dataDir = newDataDir();
    const first = await use(dataDir);
    await query(first.url, `CREATE TABLE kept AS SELECT 'Ärger'::text AS word`);
    const pid = await postmasterPid(first.dataDir);
    await first.stop();
    await first.stop();
    expect(alive(pid)).toBe(false);

    const second = await use(dataDir);
    expect(await query(second.url, 'SELECT upper(word) FROM kept')).toEqual(['ÄRGER']);
    const facts = `concat_ws(' ', current_database(), current_user, current_setting('timezone'),
      current_setting('fsync'), current_setting('server_encoding'), current_setting('listen_addresses'))`;
    expect(await query(second.url, `SELECT ${facts}`)).toEqual(['tracker tracker UTC off UTF8 127.0.0.1']);
    const wrong = new URL(second.url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    expect((await stat(join(dirname(second.dataDir), 'password'))).mode & 0o777).toBe(0o600);
    await second.stop();
  });

  it('serves two processes that start at the same moment on an empty folder, and stops with the last one', async () => {
    const dataDir = newDataDir();
    const other = userProcess(dataDir);
    const [mine, theirs] = await Promise.all([use(dataDir), other.cluster]);
    expect(theirs.url).toBe(mine.url);
    const pid = await postmasterPid(mine.dataDir);
    await mine.stop();
    expect(await query(theirs.url, 'SELECT 1')).toEqual([1]);
    const gone = once(other.child, 'exit');
    other.child.stdin?.write('stop\n');
    expect(await gone).toEqual([0, null]);
    expect(alive(pid)).toBe(false);
  });

  it('is stopped by the watchdog when its last user is killed, and not before', async () => {
    const dataDir = newDataDir();
    const users = [userProcess(dataDir), userProcess(dataDir)] as const;
    const [{ url, dataDir: pgdata }] = await Promise.all(
      users.map((user) => user.cluster) as [User['cluster']],
    );
    const pid = await postmasterPid(pgdata);
    await kill(users[0].child);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await query(url, 'SELECT 1')).toEqual([1]);
    await kill(users[1].child);
    await waitFor('the server has stopped', () => !alive(pid));
    expect(readFileSync(join(pgdata, '..', 'log', 'server.log'), 'utf8')).toContain(
      'database system is shut down',
    );
  });

  it('keeps running for a process that starts right after the one before was killed', async () => {
    const dataDir = newDataDir();
    const user = userProcess(dataDir);
    const { url, dataDir: pgdata } = await user.cluster;
    await query(url, 'CREATE TABLE kept AS SELECT 7 AS n');
    const pid = await postmasterPid(pgdata);
    await kill(user.child);
    const mine = await use(dataDir); // before the watchdog stops the server after 300 ms
    expect(await query(mine.url, 'SELECT n FROM kept')).toEqual([7]);
    expect(await postmasterPid(pgdata)).toBe(pid);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await query(mine.url, 'SELECT n FROM kept')).toEqual([7]);
  });

  it('takes over a server whose user and watchdog were both killed, and stops it', async () => {
    const dataDir = newDataDir();
    const user = userProcess(dataDir);
    const { dataDir: pgdata } = await user.cluster;
    const pid = await postmasterPid(pgdata);
    const tasks = `/proc/${String(user.child.pid)}/task/${String(user.child.pid)}`;
    const offspring = readFileSync(`${tasks}/children`, 'utf8').trim().split(' ');
    const watchdogs = offspring.filter((id) =>
      readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('watchdog'),
    );
    process.kill(Number(watchdogs[0]), 'SIGKILL'); // throws if there is none
    await kill(user.child);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(alive(pid)).toBe(true);
    const mine = await use(dataDir);
    expect(await postmasterPid(pgdata)).toBe(pid);
    await mine.stop();
    expect(alive(pid)).toBe(false);
  });

  it('keeps every acknowledged row after kill -9 of the server and of its user', async () => {
    const dataDir = newDataDir();
    const user = userProcess(dataDir, {});
    const { url, dataDir: pgdata } = await user.cluster;
    await query(url, 'CREATE TABLE kept (n int)');
    for (let n = 1; n <= 20; n++) await query(url, `INSERT INTO kept VALUES (${n})`);
    process.kill(await postmasterPid(pgdata), 'SIGKILL');
    await kill(user.child);
    const mine = await use(dataDir, {});
    expect(await query(mine.url, 'SELECT count(*)::int FROM kept')).toEqual([20]);
  });

  it('is not blocked by a postmaster.pid whose number belongs to another program', async () => {
    const dataDir = newDataDir();
    const first = await use(dataDir);
    const pidFile = join(first.dataDir, 'postmaster.pid');
    const text = await readFile(pidFile, 'utf8');
    await first.stop();
    const { uid, gid } = await stat(first.dataDir);
    const bystander = spawn('/bin/sleep', ['600'], root ? { uid, gid } : {});
    children.push(bystander);
    await writeFile(pidFile, text.replace(/^\d+/, String(bystander.pid)));
    const second = await use(dataDir);
    expect(await query(second.url, 'SELECT 1')).toEqual([1]);
    expect(bystander.exitCode).toBeNull();
  });

  it('starts after a start that was killed in the middle of initdb', async () => {
    const dataDir = newDataDir();
    const user = userProcess(dataDir);
    const halfway = () => readdirSync(dataDir).find((name) => name.startsWith('init-'));
    await waitFor('initdb is running', () => {
      try {
        return readdirSync(join(dataDir, halfway() ?? '', 'pgdata')).includes('base');
      } catch {
        return false;
      }
    });
    await kill(user.child);
    expect(readdirSync(dataDir)).not.toContain('cluster');
    const mine = await use(dataDir);
    expect(await query(mine.url, 'SELECT 1')).toEqual([1]);
    await waitFor('the unfinished folder is removed', () => halfway() === undefined);
  });

  it('reports the path and the end of the log if the server does not start', async () => {
    const dataDir = newDataDir();
    await expect(
      startEmbeddedCluster({ dataDir, settings: { ...FAST, wal_level: 'nonsense' } }),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(
        /PostgreSQL did not start.*server\.log:.*invalid value for parameter "wal_level"/s,
      ),
    });
  });

  it('names the alternative on a platform without programs', async () => {
    await expect(findPrograms('win32-x64')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('Set DATABASE_URL'),
    });
  });

  it('rejects data of another major version', async () => {
    const dataDir = newDataDir();
    const first = await use(dataDir);
    await first.stop();
    await writeFile(join(first.dataDir, 'PG_VERSION'), '17\n');
    await expect(use(dataDir)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/written by PostgreSQL 17, the embedded server is .* 18\./),
    });
  });

  (root ? it : it.skip)(
    `runs as root with a folder that only root can enter${root ? '' : ' (skipped: not root)'}`,
    async () => {
      const closed = await mkdtemp('/root/embedded-');
      const dataDir = join(closed, '.data');
      let base = '';
      const umask = process.umask(0o077); // the server needs access to its files nevertheless
      try {
        await mkdir(dataDir, { mode: 0o700 });
        const first = await use(dataDir);
        base = dirname(dirname(first.dataDir));
        expect(readFileSync(join(dataDir, NOTE_FILE), 'utf8')).toContain(base);
        await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
        expect((await stat(first.dataDir)).uid).not.toBe(0);
        await first.stop();
        const second = await use(dataDir);
        expect(second.dataDir).toBe(first.dataDir);
        expect(await query(second.url, 'SELECT n FROM kept')).toEqual([7]);
        await second.stop();
      } finally {
        process.umask(umask);
        await rm(closed, { recursive: true });
        if (base.startsWith('/var/')) await rm(base, { recursive: true, force: true });
      }
    },
  );
});
