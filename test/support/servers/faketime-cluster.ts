import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, jest } from '@jest/globals';
import { SystemClock } from '../../../src/clock/system-clock.js';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { SELECTED_ENGINES } from '../engines.js';
import { asAdministrator, type ServerAccess } from './database-servers.js';
import { subfolders } from './installed-programs.js';
import { clusterObstacle, PostgresCluster } from './postgres-cluster.js';

/** How long a statement may continue that was running when the clock jumped. */
const PATIENCE_MS = 5_000;

/** Between two checks for deadlocks; PostgreSQL looks for one after a second. */
const DEADLOCK_CHECK_MS = 5_000;

/**
 * Path of libfaketime in packages of Debian and others. Uses the variant for programs with threads, although PostgreSQL
 * has none: only this variant blocks signals while it reads its file. With the other one, a timer that fires meanwhile
 * reads the time in its handler, and deadlocks on a stdio lock of its own process (libfaketime 0.9.10,
 * read_config_file()).
 */
function findLibfaketime(): string | undefined {
  const folders = [...subfolders('/usr/lib'), '/usr/lib', '/usr/lib64', '/usr/local/lib'];
  return folders
    .map((folder) => join(folder, 'faketime', 'libfaketimeMT.so.1'))
    .find((file) => existsSync(file));
}

/** Path of libfaketime; undefined if it is not installed. */
export const LIBFAKETIME = findLibfaketime();

/** The reason why no server with a movable clock can be started here; undefined if one can. */
function obstacle(engine: HistoryEngine): string | undefined {
  if (LIBFAKETIME === undefined) return 'libfaketime is not installed (Debian: faketime)';
  return clusterObstacle(engine);
}

/** Writes the file from which libfaketime reads its time. */
async function writeClock(folder: string, now: Date): Promise<void> {
  const seconds = (now.getTime() - Date.now()) / 1000;
  const file = join(folder, 'clock');
  await writeFile(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds.toFixed(3)}\n`);
  await rename(`${file}.new`, file); // a reader finds the old time or the new one, never half a line
}

/**
 * A PostgreSQL server whose clock the test sets; the clock keeps running. The product's SystemClock follows it, as on a
 * machine where that much time has passed. The rest of Node.js keeps the real time.
 */
export class FaketimeCluster {
  /** Seconds that were skipped. */
  private passed = 0;
  private readonly begunAt = performance.now();
  private deadlocked = new Set<string>();
  private readonly deadlockCheck = setInterval(() => void this.endDeadlock(), DEADLOCK_CHECK_MS);

  private constructor(
    private readonly cluster: PostgresCluster,
    private readonly begun: Date,
  ) {
    this.mockProductClock();
  }

  /** Starts a server whose clock shows `now`. */
  static async start(engine: HistoryEngine, now: Date): Promise<FaketimeCluster> {
    const library = LIBFAKETIME;
    if (library === undefined) throw new Error(obstacle(engine));
    const settings = { timezone: 'UTC', full_page_writes: 'off' };
    const cluster = await PostgresCluster.start(engine, settings, async (folder) => {
      await writeClock(folder, now);
      return {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: join(folder, 'clock'),
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1', // timers and waits keep the real time
      };
    });
    return new FaketimeCluster(cluster, now);
  }

  get server(): ServerAccess {
    return this.cluster.access;
  }

  /** Moves the clocks of the server and of the product's programs to `now`. */
  async setClock(now: Date): Promise<void> {
    this.passed += (now.getTime() - this.programTime().getTime()) / 1000;
    await this.setServerClock(now);
  }

  /** Moves the clock of the product's programs alone, by milliseconds; set the server's clock afterwards. */
  advance(ms: number): void {
    this.passed += ms / 1000;
  }

  /** Sets the server's clock alone, forward or back; the product's open sessions are replaced by new ones. */
  async setServerClock(now: Date): Promise<void> {
    await writeClock(this.cluster.folder, now);
    await this.endOpenSessions();
  }

  /**
   * Ends the product's open sessions, whose alarms are wrong after a jump. A session stores the time of its next alarm
   * by the old clock, and then treats later alarms as set already: until it fires, no deadlock is found and no lock
   * times out (schedule_alarm() in PostgreSQL's timeout.c). Every new session has such an alarm:
   * authentication_timeout, a minute. Also, an alarm that fires while libfaketime reads its file gets the real time,
   * and sets the next one as far ahead as the clock is. Active sessions are ended too, because they would return to
   * their pool with their alarm.
   */
  private async endOpenSessions(): Promise<void> {
    const ours = `FROM pg_stat_activity WHERE application_name = 'tracker-location-history'`;
    const identity = `pid || ' ' || backend_start`;
    const end = `SELECT CASE WHEN state = 'idle' OR $2 THEN pg_terminate_backend(pid) END ${ours} AND ${identity} = ANY ($1)`;
    const patience = performance.now() + PATIENCE_MS;
    await asAdministrator(this.server, async (admin) => {
      const { rows } = await admin.query<{ session: string }>(`SELECT ${identity} AS session ${ours}`);
      const before = rows.map(({ session }) => session);
      while ((await admin.query(end, [before, performance.now() > patience])).rowCount !== 0) await sleep(5);
    });
    await sleep(20); // until their pools have noticed
  }

  /**
   * Ends a session of two that have waited for each other in two checks, as PostgreSQL does after a second, unless
   * both have lost their alarm: see endOpenSessions().
   */
  private async endDeadlock(): Promise<void> {
    const before = this.deadlocked;
    this.deadlocked = await asAdministrator(this.server, async (admin) => {
      const { rows } = await admin.query<{ pid: number; session: string }>(
        `SELECT pid, pid || ' ' || query_start AS session FROM pg_stat_activity WHERE wait_event_type = 'Lock'
           AND EXISTS (SELECT FROM unnest(pg_blocking_pids(pid)) AS blocker WHERE pid = ANY (pg_blocking_pids(blocker)))`,
      );
      const stuck = rows.find(({ session }) => before.has(session));
      if (stuck) await admin.query('SELECT pg_terminate_backend($1)', [stuck.pid]);
      return new Set(rows.map(({ session }) => session));
    }).catch(() => new Set<string>()); // the server may be restarting
  }

  /** Time by the clock of the product's programs. */
  programTime(): Date {
    return new Date(this.begun.getTime() + (performance.now() - this.begunAt) + this.passed * 1000);
  }

  /** Makes the product in this process use the server's time; call it again after another mock of SystemClock. */
  mockProductClock(): void {
    jest.spyOn(SystemClock.prototype, 'now').mockImplementation(() => this.programTime());
    jest.spyOn(SystemClock.prototype, 'uptime').mockImplementation(() => uptime() + this.passed);
  }

  /** Crashes the server and starts it again: it recovers, and every session is gone. */
  crashAndRestart(): Promise<void> {
    return this.cluster.crashAndRestart();
  }

  async stop(): Promise<void> {
    clearInterval(this.deadlockCheck);
    jest.restoreAllMocks();
    await this.cluster.destroy();
  }
}

/**
 * Runs the same tests on every engine, each on a server whose clock they set; skipped, with the reason, if no such
 * server can be started.
 *
 * @param start initial time of the clock.
 * @param tests receives the engine, and a function that returns the cluster inside of hooks and tests.
 */
export function describeWithClock(
  name: string,
  start: Date,
  tests: (engine: HistoryEngine, cluster: () => FaketimeCluster) => void,
): void {
  for (const engine of SELECTED_ENGINES) {
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
      afterAll(() => running.cluster?.stop()); // registered last, because the tests' own hooks still need the server
    };
    if (reason === undefined) describe(`${name} (${engine})`, body);
    else describe.skip(`${name} (${engine}) [skipped: ${reason}]`, body);
  }
}
