import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import * as standalone from './standalone.js';
import type { ClusterTask } from './standalone.js';

/** A watchdog at work. */
export interface Watchdog {
  /** Tells it that the cluster has been left in order; resolves when it is gone (at most 5 seconds). */
  dismiss(): Promise<void>;
}

const DISMISS_MS = 5000;

/** The watchdog's program: the source text of every function of standalone.ts, and the call of its main function. */
export function watchdogSource(): string {
  const functions = Object.values(standalone).filter((value) => typeof value === 'function');
  return `'use strict';\n${functions.map(String).join('\n')}\nvoid ${standalone.watchdog.name}();\n`;
}

/**
 * Starts the process that gives up our use of the cluster when we die without doing so: its stdin is a pipe that
 * nobody but us holds open, so the kernel tells it, whatever killed us.
 *
 * The task goes through the pipe, not the command line, where `clusterProcesses` would take it for a server.
 *
 * @throws the error of spawn(2).
 */
export async function startWatchdog(task: ClusterTask, log: (line: string) => void): Promise<Watchdog> {
  const child = spawn(process.execPath, ['-e', watchdogSource()], {
    cwd: '/',
    env: {}, // no NODE_OPTIONS: a debugger port or a loader of ours is not for it
    detached: true, // out of the terminal's foreground process group: Ctrl-C is not for it either
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  let dismissed = false;
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => {
      if (!dismissed) log('embedded PostgreSQL: its watchdog ended; after a kill -9 the server would stay');
      resolve();
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.stdin.on('error', reject); // later ones (EPIPE) change nothing
    child.stdin.write(`${JSON.stringify(task)}\n`, () => {
      resolve();
    });
  });
  child.unref();
  (child.stdin as Writable & { unref(): void }).unref(); // a pipe's end is a net.Socket
  return {
    dismiss: async () => {
      dismissed = true;
      child.ref();
      child.stdin.end('released');
      const late = setTimeout(() => child.kill('SIGKILL'), DISMISS_MS);
      await gone;
      clearTimeout(late);
    },
  };
}
