import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, jest } from '@jest/globals';
import { SystemClock } from '../../src/clock/system-clock.js';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { unprivilegedAccount } from '../../src/embedded/account.js';
import { ASKED_ENGINES } from './engines.js';
import { freePort } from './free-port.js';
import { asAdministrator, type ServerAccess } from './servers.js';
import { findSystemServer, OLDEST_SERVER, runAs, subfolders } from './system-programs.js';

/** How long a statement that was under way when the clock jumped may go on. */
const PATIENCE_MS = 5_000;
/** No password: the cluster trusts everybody. */
const OWNER = { name: 'tracker_tests', password: '' };

/**
 * libfaketime where Debian's and others' packages put it. The one for programs with threads, though PostgreSQL has none:
 * it alone keeps signals out while it reads its file. With the other one a timer that goes off meanwhile asks for the time
 * in its handler, and waits for ever for a lock of stdio that the same process holds (libfaketime 0.9.10, read_config_file()).
 */
function findLibfaketime(): string | undefined {
  const folders = [...subfolders('/usr/lib'), '/usr/lib', '/usr/lib64', '/usr/local/lib'];
  return folders
    .map((folder) => join(folder, 'faketime', 'libfaketimeMT.so.1'))
    .find((file) => existsSync(file));
}

const system = findSystemServer();
/** Undefined where it is not installed. */
export const LIBFAKETIME = findLibfaketime();

/** Why there can be no such cluster here; undefined when there can. */
function obstacle(engine: HistoryEngine): string | undefined {
  if (LIBFAKETIME === undefined) return 'libfaketime is not installed (Debian: faketime)';
  if (!system) return `no PostgreSQL ${OLDEST_SERVER}+ of the system (initdb and pg_ctl)`;
  if (engine === 'timescaledb' && !system.timescaledb) return "the system's PostgreSQL has no TimescaleDB";
  return undefined;
}

/**
 * A PostgreSQL server of its own whose clock the test sets; SystemClock, which the product asks for its own time, follows
 * it, as on a machine where that much time passed. Everything else of Node.js keeps the real time. The clock goes on by itself.
 */
export class FaketimeCluster {
  /** Seconds that were passed over. */
  private passed = 0;
  private readonly begunAt = performance.now();

  private constructor(
    readonly server: ServerAccess,
    private readonly folder: string,
    private readonly run: (program: string, args: string[]) => Promise<void>,
    private readonly begun: Date,
  ) {
    this.takeProgramsAlong();
  }

  /** Starts a server that believes that it is `now`. */
  static async start(engine: HistoryEngine, now: Date): Promise<FaketimeCluster> {
    if (!system || LIBFAKETIME === undefined) throw new Error(obstacle(engine));
    const { binDir } = system;
    const account = process.getuid?.() === 0 ? await unprivilegedAccount() : undefined;
    const folder = await mkdtemp(join(tmpdir(), 'faketime-'));
    await chmod(folder, 0o755);
    const data = join(folder, 'data');
    await mkdir(data, { mode: 0o700 });
    if (account) await chown(data, account.uid, account.gid);

    const environment = {
      LD_PRELOAD: LIBFAKETIME,
      FAKETIME_TIMESTAMP_FILE: join(folder, 'clock'),
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1', // timers and waits keep the real time
    };
    const run = (program: string, args: string[]): Promise<void> =>
      runAs(account, join(binDir, program), args, environment);
    const port = await freePort();
    const cluster = new FaketimeCluster(
      { admin: `postgres://postgres@127.0.0.1:${port}/postgres`, owner: OWNER },
      folder,
      run,
      now,
    );
    await cluster.writeClock(now);
    await run('initdb', [
      '-D',
      data,
      '-U',
      'postgres',
      '--auth=trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ]);
    await writeFile(
      join(data, 'postgresql.auto.conf'),
      Object.entries({
        port: String(port),
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        timezone: 'UTC',
        fsync: 'off',
        full_page_writes: 'off',
        max_worker_processes: '32',
        ...(engine === 'timescaledb' && {
          shared_preload_libraries: 'timescaledb',
          'timescaledb.telemetry_level': 'off',
        }),
      })
        .map(([name, value]) => `${name} = '${value}'\n`)
        .join(''),
    );
    try {
      await run('pg_ctl', ['-D', data, '-w', '-s', '-l', join(data, 'log'), 'start']);
    } catch (error) {
      const log = await readFile(join(data, 'log'), 'utf8').catch(() => '');
      await rm(folder, { recursive: true, force: true });
      throw new Error(`${String(error)}\n${log}`);
    }
    await asAdministrator(cluster.server, (admin) => admin.query(`CREATE ROLE ${OWNER.name} LOGIN`));
    return cluster;
  }

  /** Lets time pass at once, for the server and for the product's programs. @param now what all clocks say then. */
  async setClock(now: Date): Promise<void> {
    this.passed += (now.getTime() - this.programTime().getTime()) / 1000;
    await this.setServerClock(now);
  }

  /** Lets time pass at once for the product's programs alone, in milliseconds; the server's clock is to be set then. */
  pass(ms: number): void {
    this.passed += ms / 1000;
  }

  /** Sets the server's clock alone, forth or back; the product's sessions of before are made anew. */
  async setServerClock(now: Date): Promise<void> {
    await this.writeClock(now);
    await this.endSessionsOfBefore();
  }

  /**
   * A session remembers when its next alarm comes, by the clock of then, and after a jump takes a later one for set: no
   * deadlock is found and no lock times out until then (schedule_alarm() in PostgreSQL's timeout.c). The product sets no long
   * ones, but authentication_timeout is one of a minute for each new session. And an alarm that goes off while libfaketime
   * reads its file is told the real time, and sets the next one as far ahead as the clock is.
   * Not only those that are idle at this moment: one that is at work goes back to its pool, alarm and all.
   */
  private async endSessionsOfBefore(): Promise<void> {
    const ours = `FROM pg_stat_activity WHERE application_name = 'tracker-location-history'`;
    const identity = `pid || ' ' || backend_start`;
    const end = `SELECT CASE WHEN state = 'idle' OR $2 THEN pg_terminate_backend(pid) END ${ours} AND ${identity} = ANY ($1)`;
    const patience = performance.now() + PATIENCE_MS;
    await asAdministrator(this.server, async (admin) => {
      const { rows } = await admin.query<{ session: string }>(`SELECT ${identity} AS session ${ours}`);
      const before = rows.map(({ session }) => session);
      while ((await admin.query(end, [before, performance.now() > patience])).rowCount !== 0) await sleep(5);
    });
    await sleep(20); // their pools have heard of it
  }

  /** What the clock of the product's programs says. */
  programTime(): Date {
    return new Date(this.begun.getTime() + (performance.now() - this.begunAt) + this.passed * 1000);
  }

  /** Has the product's programs of this process live in the time of this server; again, after a test had them in another. */
  takeProgramsAlong(): void {
    jest.spyOn(SystemClock.prototype, 'now').mockImplementation(() => this.programTime());
    jest.spyOn(SystemClock.prototype, 'uptime').mockImplementation(() => uptime() + this.passed);
  }

  private async writeClock(now: Date): Promise<void> {
    const seconds = (now.getTime() - Date.now()) / 1000;
    const file = join(this.folder, 'clock');
    await writeFile(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds.toFixed(3)}\n`);
    await rename(`${file}.new`, file); // whoever reads it finds the old time or the new one, never half a line
  }

  /** As after a crash: it recovers, and every session is gone. */
  async crashAndRestart(): Promise<void> {
    const data = join(this.folder, 'data');
    await this.run('pg_ctl', ['-D', data, '-w', '-s', '-l', join(data, 'log'), '-m', 'immediate', 'restart']);
  }

  async stop(): Promise<void> {
    jest.restoreAllMocks();
    await this.run('pg_ctl', ['-D', join(this.folder, 'data'), '-w', '-s', '-m', 'immediate', 'stop']);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/**
 * Runs the same tests on every engine, each on a server whose clock they set; skipped, with the reason, where there can
 * be none.
 *
 * @param start what the clock says at first.
 * @param tests gets the engine, and the cluster for use in hooks and tests.
 */
export function describeWithClock(
  name: string,
  start: Date,
  tests: (engine: HistoryEngine, cluster: () => FaketimeCluster) => void,
): void {
  for (const engine of ASKED_ENGINES) {
    const reason = obstacle(engine);
    const running: { cluster?: FaketimeCluster } = {};
    const cluster = (): FaketimeCluster => {
      if (!running.cluster) throw new Error('the cluster is not running');
      return running.cluster;
    };
    const body = (): void => {
      beforeAll(async () => {
        running.cluster = await FaketimeCluster.start(engine, start);
      });
      tests(engine, cluster);
      afterAll(() => running.cluster?.stop()); // the last of these hooks: the tests' own still need the server
    };
    if (reason === undefined) describe(`${name} (${engine})`, body);
    else describe.skip(`${name} (${engine}) [skipped: ${reason}]`, body);
  }
}
