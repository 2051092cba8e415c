import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from './run-program.js';

/** Fast shutdown first, then immediate, which is as safe as a crash: the next start recovers from the WAL. */
const FAST_SHUTDOWN_MS = 60_000;
const GIVE_UP_MS = 80_000;

/** PostgreSQL's `cluster_name`: a word in the command line of every process of this cluster and of no other. */
export function clusterName(clusterDir: string): string {
  return `tracker-${createHash('sha256').update(clusterDir).digest('hex').slice(0, 16)}`;
}

/** Lines of postmaster.pid (1: process id, 4: port); empty when there is none. */
export async function pidFileLines(clusterDir: string): Promise<string[]> {
  try {
    return (await readFile(join(clusterDir, 'pgdata', 'postmaster.pid'), 'latin1')).split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Process id of the server (postmaster) of a cluster, also of one that is still starting; undefined when none runs.
 *
 * Found by its command line: the number in postmaster.pid may belong to another program by now, and root in a
 * container cannot read /proc/<pid>/cwd and exe of another user.
 */
export async function findServer(clusterDir: string): Promise<number | undefined> {
  const name = clusterName(clusterDir);
  const found = (await commandLines()).filter(
    ({ command }) => command.includes('/postgres -D ') && command.includes(name),
  );
  // A child looks like the server until it sets its title. Before there is a postmaster.pid there are no children.
  const [pid] = await pidFileLines(clusterDir);
  return (pid === undefined ? found[0] : found.find((one) => one.pid === Number(pid)))?.pid;
}

/** All processes; the arguments of a command are separated by a space. */
async function commandLines(): Promise<{ pid: number; command: string }[]> {
  if (process.platform !== 'linux') {
    const { output } = await runProgram('ps', ['-axww', '-o', 'pid=,command=']);
    return [...output.matchAll(/^ *(\d+) (.*)$/gm)].map(([, pid, command = '']) => ({
      pid: Number(pid),
      command,
    }));
  }
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  return Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''); // it has ended meanwhile
      return { pid: Number(pid), command: line.replaceAll('\0', ' ') };
    }),
  );
}

/**
 * Stops the server of a cluster if one runs.
 *
 * @throws Error when it does not stop.
 */
export async function stopServer(clusterDir: string): Promise<void> {
  const began = Date.now();
  for (;;) {
    const server = await findServer(clusterDir);
    if (server === undefined) return;
    const ms = Date.now() - began;
    if (ms > GIVE_UP_MS) throw new Error(`process ${server} has not stopped within ${GIVE_UP_MS / 1000} s`);
    try {
      process.kill(server, ms < FAST_SHUTDOWN_MS ? 'SIGINT' : 'SIGQUIT');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // ESRCH: it has just ended
    }
    await sleep(50);
  }
}
