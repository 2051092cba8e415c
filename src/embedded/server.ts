import { constants } from 'node:fs';
import { chmod, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { prepareDatabase } from './database.js';
import {
  type ClusterProcess,
  type ClusterTask,
  clusterProcesses,
  commandLines,
  pidFileLines,
  runningPostmaster,
  runProgram,
  sleep,
} from './standalone.js';

/** A server that somebody has to bring up; every function here is called under the lock of the place. */
export interface ServerRequest {
  readonly task: ClusterTask;
  readonly password: string;
  /** postgresql.conf settings, over PostgreSQL's defaults. */
  readonly settings: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

const START_ATTEMPTS = 8;
const ORPHAN_PATIENCE_MS = 5000;
/** pg_ctl's own limit of 60 seconds is less than the recovery after a crash may take. */
const RECOVERY_LIMIT_SECONDS = 24 * 3600;
const BIG_LOG_BYTES = 10 * 1024 * 1024;

/** The server of the cluster: the running one, or a new one. Returns its port. */
export async function bringUp(request: ServerRequest): Promise<number> {
  for (;;) {
    await settle(request);
    const running = await adopt(request);
    if (running !== undefined) return running;
    const port = await start(request);
    if (await prepareDatabase({ port, password: request.password }, () => isRunning(request))) return port;
    request.log('embedded PostgreSQL: the server ended right after its start; once more');
  }
}

async function isRunning({ task }: ServerRequest): Promise<boolean> {
  return (await runningPostmaster(task)) !== undefined;
}

/**
 * Waits for what a process that was killed left behind: a pg_ctl in the middle of a start, children of a server
 * that was killed (PostgreSQL refuses to start beside them), and a postmaster.pid whose number another program has
 * by now (PostgreSQL would take that for a running server).
 */
async function settle({ task, log }: ServerRequest): Promise<void> {
  const began = Date.now();
  for (;;) {
    if ((await runningPostmaster(task)) !== undefined) return;
    const left = await clusterProcesses(task.token);
    if (left.length === 0) break;
    const patient = Date.now() - began < ORPHAN_PATIENCE_MS || left.some(({ kind }) => kind === 'starting');
    if (!patient) endOrphans(left, log);
    await sleep(100);
  }
  const pid = Number((await pidFileLines(task.clusterDir))[0]);
  const command = (await commandLines()).get(pid);
  if (command !== undefined && !/(^|\/)postgres /.test(command)) {
    log(`embedded PostgreSQL: removing a stale postmaster.pid (process ${pid} is another program now)`);
    await rm(join(task.clusterDir, 'pgdata', 'postmaster.pid'), { force: true });
  }
}

function endOrphans(orphans: readonly ClusterProcess[], log: (line: string) => void): void {
  for (const { pid } of orphans) {
    log(`embedded PostgreSQL: ending process ${pid}, left over from a server that was killed`);
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // ESRCH: it went by itself
    }
  }
}

/** Takes over a server that runs already: pg_ctl and the process list say so, and it lets us in. */
async function adopt(request: ServerRequest): Promise<number | undefined> {
  const { task, log, password } = request;
  while (await isRunning(request)) {
    const { code } = await runProgram(task.pgCtl, ['status', '-D', 'pgdata'], {
      cwd: task.clusterDir,
      account: task.account,
    });
    const port = Number((await pidFileLines(task.clusterDir))[3]);
    if (code === 0 && port > 0 && (await prepareDatabase({ port, password }, () => isRunning(request)))) {
      log(`embedded PostgreSQL: using the server that runs already, on port ${port}`);
      if (Object.keys(request.settings).length > 0)
        log('embedded PostgreSQL: it keeps the settings it runs with');
      return port;
    }
    await sleep(100);
  }
  return undefined;
}

/** @throws DomainError `UNAVAILABLE` with the last lines of the server's log. */
async function start({ task, settings, log }: ServerRequest): Promise<number> {
  const logFile = join(task.clusterDir, 'log', 'server.log');
  if ((await sizeOf(logFile)) > BIG_LOG_BYTES) await rename(logFile, `${logFile}.1`);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    await writeConfiguration(task, port, settings);
    const before = await sizeOf(logFile);
    const patience = setInterval(() => {
      log(`embedded PostgreSQL: still starting (recovery after a crash?), see ${logFile}`);
    }, 15_000);
    const { code, output } = await runProgram(
      task.pgCtl,
      // Relative paths: pg_ctl hands them to a shell without quoting them properly.
      [
        ...['start', '-D', 'pgdata', '-l', 'log/server.log', '-w', '-t', String(RECOVERY_LIMIT_SECONDS)],
        ...['-o', `-c config_file=server.conf -c cluster_name=${task.token}`],
      ],
      { cwd: task.clusterDir, account: task.account },
    ).finally(() => {
      clearInterval(patience);
    });
    if (code === 0) {
      log(`embedded PostgreSQL: started on 127.0.0.1:${port}, data in ${task.clusterDir}`);
      return port;
    }
    const said = await readFrom(logFile, before);
    const passing =
      /could not bind|could not create any TCP|pre-existing shared memory|lock file .* already exists/;
    if (attempt === START_ATTEMPTS || !passing.test(said)) {
      const lines = said.trim().split('\n').slice(-15).join('\n');
      throw new DomainError(
        'UNAVAILABLE',
        `pg_ctl start failed: ${output.trim()}\nThe end of ${logFile}:\n${lines}`,
      );
    }
    log(`embedded PostgreSQL: attempt ${attempt} to start failed, trying another port`);
    await sleep(250 * attempt);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port on 127.0.0.1');
  return address.port;
}

/**
 * Writes server.conf beside the data folder: initdb's postgresql.conf, then the caller's settings, then what
 * this module relies on. TCP only: a socket's path is limited to 107 bytes (unix(7)).
 */
async function writeConfiguration(
  task: ClusterTask,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const all = {
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...settings,
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
  };
  const lines = Object.entries(all).map(([name, value]) => {
    if (!/^[a-z_][a-z0-9_.]*$/i.test(name) || value.includes('\n')) {
      throw new DomainError('BAD_CONFIGURATION', `Not a PostgreSQL setting: ${JSON.stringify(name)}`);
    }
    return `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  });
  const file = join(task.clusterDir, 'server.conf');
  const text = `# Written at every start.\ninclude 'pgdata/postgresql.conf'\n${lines.join('\n')}\n`;
  await rm(`${file}.new`, { force: true });
  await writeFile(`${file}.new`, text, { flag: 'wx' });
  await chmod(`${file}.new`, 0o644); // the account reads it, whatever the umask was
  await rename(`${file}.new`, file);
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}

/** The text of a file from an offset on. Follows no link: the account owns the folder, and root could read any file. */
async function readFrom(file: string, offset: number): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  if (handle === undefined) return '';
  try {
    const { size } = await handle.stat();
    const length = Math.min(Math.max(0, size - offset), 256 * 1024);
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString();
  } finally {
    await handle.close();
  }
}
