import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { chmod, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../common/errors/domain-error.js';
import { waitUntilReady } from './database.js';
import { type Account, CLEAN_ENVIRONMENT } from './run-program.js';
import { clusterName, findServer, pidFileLines } from './server-process.js';

/** The server to start. Call every function of this file under the start lock of its cluster. */
export interface ServerRequest {
  readonly clusterDir: string;
  /** Folder of PostgreSQL's programs. */
  readonly binDir: string;
  /** undefined: it runs as the current user. */
  readonly account: Account | undefined;
  readonly password: string;
  /** postgresql.conf settings (name → value), over PostgreSQL's defaults. */
  readonly settings: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

const START_ATTEMPTS = 8;
const BIG_LOG_BYTES = 10 * 1024 * 1024;
/** Log lines of transient failures: another program took the port, or a server that was killed still has children. */
const TRANSIENT =
  /could not bind|could not create any TCP|pre-existing shared memory|lock file .* already exists/;

/**
 * Starts the server of the cluster unless it runs, and waits until it accepts connections; crash recovery may take
 * long.
 *
 * @returns its port.
 * @throws DomainError `UNAVAILABLE` with the last lines of the server's log.
 */
export async function bringUp(request: ServerRequest): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = (await adopt(request)) ?? (await start(request, attempt === START_ATTEMPTS));
    if (port !== undefined) return port;
    request.log(`embedded PostgreSQL: attempt ${attempt} to start the server failed, trying again`);
    await sleep(250 * attempt);
  }
}

/** Uses the server that already runs. @returns its port; undefined when none runs. */
async function adopt({ clusterDir, password, settings, log }: ServerRequest): Promise<number | undefined> {
  const isRunning = async () => (await findServer(clusterDir)) !== undefined;
  while (await isRunning()) {
    const port = Number((await pidFileLines(clusterDir))[3]); // missing while the server is starting
    if (port > 0 && (await waitUntilReady({ port, password }, isRunning))) {
      log(`embedded PostgreSQL: using the server that already runs, on port ${port}`);
      if (Object.keys(settings).length > 0) log('embedded PostgreSQL: its settings do not change');
      return port;
    }
    await sleep(50);
  }
  return undefined;
}

/** @returns the port; undefined after a transient failure, unless this is the last attempt. */
async function start(request: ServerRequest, isLastAttempt: boolean): Promise<number | undefined> {
  const { clusterDir, log } = request;
  const logFile = join(clusterDir, 'log', 'server.log');
  if ((await sizeOf(logFile)) > BIG_LOG_BYTES) await rename(logFile, `${logFile}.1`);
  const oldLog = await sizeOf(logFile);
  // The server does not run, so this file is stale; PostgreSQL would refuse to start if another program had its process
  // id.
  await rm(join(clusterDir, 'pgdata', 'postmaster.pid'), { force: true });
  const port = await freePort();
  await writeConfiguration(request, port);
  const hasEnded = await spawnServer(request);
  const reminder = setInterval(() => {
    log(`embedded PostgreSQL: still starting (recovery after a crash?), see ${logFile}`);
  }, 15_000);
  const ready = await waitUntilReady({ port, password: request.password }, () =>
    Promise.resolve(!hasEnded()),
  ).finally(() => {
    clearInterval(reminder);
  });
  if (ready) {
    log(`embedded PostgreSQL: started on 127.0.0.1:${port}, data in ${clusterDir}`);
    return port;
  }
  // Does not follow a link: the account, which owns the folder, could link to a file that only root may read.
  const flag = constants.O_RDONLY | constants.O_NOFOLLOW;
  const text = (await readFile(logFile, { flag }).catch(() => Buffer.alloc(0))).subarray(oldLog).toString();
  if (TRANSIENT.test(text) && !isLastAttempt) return undefined;
  const lines = text.trim().split('\n').slice(-15).join('\n');
  throw new DomainError('UNAVAILABLE', `PostgreSQL did not start. The end of ${logFile}:\n${lines}`);
}

/** @returns a function that returns whether the process has ended. */
async function spawnServer({ clusterDir, binDir, account }: ServerRequest): Promise<() => boolean> {
  const server = [join(binDir, 'postgres'), '-D', 'pgdata', '-c', 'config_file=server.conf'];
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      'exec "$0" "$@" >>log/server.log 2>&1',
      ...server,
      '-c',
      `cluster_name=${clusterName(clusterDir)}`,
    ],
    {
      cwd: clusterDir,
      env: CLEAN_ENVIRONMENT,
      detached: true, // a Ctrl-C in the terminal must not reach it
      stdio: 'ignore',
      ...(account && { uid: account.uid, gid: account.gid }),
    },
  );
  let ended = false;
  child.once('exit', () => (ended = true));
  child.unref();
  await once(child, 'spawn');
  return () => ended;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/**
 * Writes server.conf beside the data folder: initdb's postgresql.conf, then the caller's settings, then the settings
 * that this module relies on. TCP only: a socket's path is limited to 107 bytes (unix(7)).
 */
async function writeConfiguration({ clusterDir, settings }: ServerRequest, port: number): Promise<void> {
  const all = {
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Ends long statements of killed clients: PostgreSQL does not start while any from a killed server still run.
    client_connection_check_interval: '1s',
    ...settings,
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  const text = `# Written at every start.\ninclude 'pgdata/postgresql.conf'\n${lines.join('\n')}\n`;
  const file = join(clusterDir, 'server.conf');
  await rm(`${file}.new`, { force: true });
  await writeFile(`${file}.new`, text, { flag: 'wx' }); // does not follow a link: the folder may belong to another user
  await chmod(`${file}.new`, 0o644); // the account reads it, whatever the umask was
  await rename(`${file}.new`, file);
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}
