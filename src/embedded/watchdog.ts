/*
 * The program of the watchdog, one process per cluster: stops the server once the cluster has no users.
 * `ensureWatchdog` starts it. Arguments: the folder of the cluster's locks, and the folder of the cluster.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileLock } from './file-lock.js';
import { stopServer } from './server-process.js';

/** How long the server keeps running after its last user was killed, for a command that starts right after. */
const GRACE_MS = 300;

async function watch(runDir: string, clusterDir: string): Promise<void> {
  const watchdog = await FileLock.open(join(runDir, 'watchdog.lock'));
  if (!watchdog.tryLock('exclusive')) return;
  const users = await FileLock.open(join(runDir, 'users.lock'));
  do {
    await users.waitUntilExclusive();
    users.unlock();
    await sleep(GRACE_MS);
  } while (!users.tryLock('exclusive'));
  await stopServer(clusterDir);
  await watchdog.close(); // before `users`, so that the next user sees that it has to start a watchdog
  await users.close();
}

process.title = 'tracker-embedded-watchdog';
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
const [runDir = '', clusterDir = ''] = process.argv.slice(2);
await watch(runDir, clusterDir);
