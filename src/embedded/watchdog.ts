/*
 * The program of the watchdog: stops the server once nobody uses the cluster any more. One process a cluster, which
 * `ensureWatchdog` starts with the folder of the cluster's locks and the folder of the cluster as its arguments.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileLock } from './file-lock.js';
import { stopServer } from './server-process.js';

/** How long a command that starts right after the last user was killed finds the server still running. */
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
  await watchdog.close(); // before `users`: whoever gets that finds that a new watchdog is needed
  await users.close();
}

process.title = 'tracker-embedded-watchdog';
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
const [runDir = '', clusterDir = ''] = process.argv.slice(2);
await watch(runDir, clusterDir);
