import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { FileLock } from './file-lock.js';
import { stopServer } from './server-process.js';

type Log = (line: string) => void;

/** The folders of a cluster that its users share. */
export interface ClusterFolders {
  /** Contains the locks: `start.lock`, `users.lock` and `watchdog.lock`. */
  readonly runDir: string;
  /** Contains `pgdata/`, `log/`, `password` and `server.conf`. */
  readonly clusterDir: string;
}

/**
 * Registers this process as a user of a cluster, and then calls `bringUp`, which has to ensure that its server runs.
 *
 * `start.lock` lets one process at a time start the server. Every user holds a shared lock on `users.lock` until it
 * ends; a process that gets this lock exclusively knows that there are no users and may stop the server.
 *
 * @returns the result of `bringUp`, and a function that ends this use; the last user to call it stops the server.
 */
export async function joinUsers<T>(
  folders: ClusterFolders,
  log: Log,
  bringUp: () => Promise<T>,
): Promise<{ result: T; leave: () => Promise<void> }> {
  const start = await FileLock.open(join(folders.runDir, 'start.lock'));
  const users = await FileLock.open(join(folders.runDir, 'users.lock'));
  const leave = async (): Promise<void> => {
    await users.close();
    await stopIfUnused(folders);
  };
  try {
    const onWait = () =>
      log('embedded PostgreSQL: waiting for another process that starts or stops the server');
    await start.lock('exclusive', onWait);
    await users.lock('shared', onWait);
    await ensureWatchdog(folders, log); // before the server, so that every server has a process that stops it
    return { result: await bringUp(), leave };
  } catch (error) {
    await leave().catch((reason: unknown) => log(`embedded PostgreSQL: ${String(reason)}`));
    throw error;
  } finally {
    await start.close();
  }
}

/** Stops the server unless it has users; waits if another process is stopping it. */
async function stopIfUnused({ runDir, clusterDir }: ClusterFolders): Promise<void> {
  const users = await FileLock.open(join(runDir, 'users.lock'));
  try {
    if (users.tryLock('exclusive')) await stopServer(clusterDir);
    else await users.lock('shared'); // does not wait for other users
  } finally {
    await users.close();
  }
}

/**
 * Starts the process that stops the server when its users were killed, unless it runs already.
 *
 * @throws the error of spawn(2).
 */
async function ensureWatchdog({ runDir, clusterDir }: ClusterFolders, log: Log): Promise<void> {
  const watchdog = await FileLock.open(join(runDir, 'watchdog.lock'));
  const isMissing = watchdog.tryLock('exclusive');
  await watchdog.close();
  if (!isMissing) return;
  const program = join(import.meta.dirname, 'watchdog.js');
  const child = spawn(process.execPath, [program, runDir, clusterDir], {
    cwd: '/',
    env: {}, // without NODE_OPTIONS: it must not open the debugger port of this process
    detached: true, // out of the terminal's foreground process group: Ctrl-C must not reach it
    stdio: 'ignore',
  });
  child.once('exit', (code) => {
    if (code !== 0)
      log('embedded PostgreSQL: the watchdog ended; after a kill -9 the server would keep running');
  });
  child.unref();
  await once(child, 'spawn');
}
