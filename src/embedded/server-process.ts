import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from './run-program.js';

/** Fast shutdown, then immediate: as safe as a crash, the next start recovers from the WAL. */
const FAST_SHUTDOWN_MS = 60_000;
const GIVE_UP_MS = 80_000;
/** How long processes without a server may take: a server that has just been started, or children of a killed one. */
export const ORPHAN_MS = 5_000;

/** The processes of a cluster. */
export interface ClusterProcesses {
  /** Process id of the server (postmaster). */
  readonly server?: number;
  /** All the others: its children, or what is left of a server that was killed. */
  readonly others: readonly number[];
}

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
 * Finds the processes of a cluster by their command lines: the number in postmaster.pid may belong to another program
 * by now, and /proc/<pid>/cwd and exe of another user are closed to root in a container.
 */
export async function clusterProcesses(clusterDir: string): Promise<ClusterProcesses> {
  const [pid] = await pidFileLines(clusterDir);
  const ours: number[] = [];
  const servers: number[] = [];
  for (const [id, command] of await commandLines()) {
    if (!command.includes(clusterName(clusterDir))) continue;
    ours.push(id);
    if (command.includes('/postgres -D ')) servers.push(id);
  }
  // A child looks like the server until it has set its title; before there is a postmaster.pid there are no children.
  const server = pid === undefined ? servers[0] : servers.find((id) => id === Number(pid));
  return { ...(server !== undefined && { server }), others: ours.filter((id) => id !== server) };
}

/** Command lines of all processes, arguments separated by a space. */
async function commandLines(): Promise<Map<number, string>> {
  const commands = new Map<number, string>();
  if (process.platform !== 'linux') {
    const { output } = await runProgram('ps', ['-axww', '-o', 'pid=,command=']);
    for (const [, pid, command] of output.matchAll(/^ *(\d+) (.*)$/gm))
      commands.set(Number(pid), String(command));
    return commands;
  }
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const line = await readFile(`/proc/${entry}/cmdline`, 'latin1').catch(() => ''); // it has ended meanwhile
    if (line !== '') commands.set(Number(entry), line.replaceAll('\0', ' ').trim());
  }
  return commands;
}

/** Sends a signal to a process that may have ended. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Stops the server of a cluster if it runs, also one that is still starting.
 *
 * @throws Error when it does not stop.
 */
export async function stopServer(clusterDir: string): Promise<void> {
  for (const began = Date.now(); ; await sleep(50)) {
    const { server, others } = await clusterProcesses(clusterDir);
    const ms = Date.now() - began;
    if (server !== undefined) signal(server, ms < FAST_SHUTDOWN_MS ? 'SIGINT' : 'SIGQUIT');
    else if (others.length === 0 || ms > ORPHAN_MS) return;
    if (ms > GIVE_UP_MS)
      throw new Error(`process ${String(server)} has not stopped within ${GIVE_UP_MS / 1000} s`);
  }
}
