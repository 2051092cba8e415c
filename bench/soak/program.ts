import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogBook } from './log-book.js';
import type { SoakRecord } from './record.js';

/** dist */
const BUILD = join(import.meta.dirname, '..', '..');
export const PROGRAMS = { cli: join(BUILD, 'src/cli.js'), server: join(BUILD, 'src/main.js') };
/** What the product allows itself, and what a busy machine may add. */
const STOP_MS = 35_000;
const READY = /(?:GraphQL|health) at http:/;

export type Variables = Record<string, string>;

/** Nothing of our own environment but what a process needs to start. */
export function environment(env: Variables): NodeJS.ProcessEnv {
  const { PATH, HOME, TZ } = process.env;
  return { PATH, HOME, NO_COLOR: '1', ...(TZ !== undefined && { TZ }), ...env };
}

/** One process of a program, from its start to its end. */
export interface Life {
  program: string;
  pid: number;
  /** Memory in RAM in bytes, every ten seconds. */
  rss: number[];
}

/** A server of the product, which is started again whenever it ended. */
export class Program {
  private child: ChildProcess | null = null;
  private ready = false;
  /** Whether it is to run: else it was ended on purpose. */
  private wanted = false;
  readonly lives: Life[] = [];

  constructor(
    readonly name: string,
    private readonly env: Variables,
    private readonly logs: LogBook,
    private readonly record: SoakRecord,
  ) {}

  /** Starts it, and again where it ends before it is ready, as systemd does: the database may be away. */
  async start(signal: AbortSignal): Promise<void> {
    this.wanted = true;
    const isOver = (): boolean => signal.aborted || !this.wanted;
    while (!isOver()) {
      const child = this.spawn();
      while (this.child === child && !this.isReady() && !isOver()) await sleep(50);
      if (this.isReady()) return;
      this.record.count('starts that failed');
      await sleep(500);
    }
  }

  private isReady(): boolean {
    return this.ready;
  }

  private spawn(): ChildProcess {
    // In a group of its own: Ctrl-C is for the soak alone, which ends everything in order.
    const child = spawn(process.execPath, ['--enable-source-maps', PROGRAMS.server], {
      env: environment(this.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.child = child;
    this.ready = false;
    this.lives.push({ program: this.name, pid: child.pid ?? 0, rss: [] });
    this.logs.read(this.name, [child.stdout, child.stderr], (line) => {
      if (READY.test(line)) this.ready = true;
    });
    child.once('exit', (code, by) => {
      if (this.child !== child) return;
      this.child = null;
      if (!this.ready || !this.wanted) return;
      this.record.fail(`${this.name} ended by itself`, { code, signal: by });
      this.wanted = false;
    });
    return child;
  }

  /** Whether it ended though nobody asked it to. */
  get isLost(): boolean {
    return !this.wanted && this.child === null;
  }

  send(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(signal);
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGTERM; it has to end in time and with 0. */
  async terminate(): Promise<void> {
    const wasReady = this.ready;
    const ended = await this.end('SIGTERM');
    if (ended !== null && wasReady && ended.code !== 0)
      this.record.fail(`${this.name} did not end in order after SIGTERM`, ended);
  }

  private async end(signal: NodeJS.Signals): Promise<{ code: number | null; ms: number } | null> {
    const { child } = this;
    this.wanted = false;
    if (child?.exitCode !== null || child.signalCode !== null) return null;
    const begun = performance.now();
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    child.kill(signal);
    const killing = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const code = await exited;
    clearTimeout(killing);
    return { code, ms: Math.round(performance.now() - begun) };
  }

  /** Notes how much memory it has at this moment. */
  sample(): void {
    const life = this.lives.at(-1);
    if (this.child === null || !life) return;
    const rss = rssOf(life.pid);
    if (rss !== undefined) life.rss.push(rss);
  }
}

/** Linux; undefined where the process is gone. */
function rssOf(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** What a command that ended wrote. */
export interface Ended {
  code: number | null;
  stdout: string;
}

/** Runs `tracker <args>` to its end. @param killAfterMs kills it if it has not ended by then. */
export async function runCommand(
  args: readonly string[],
  env: Variables,
  logs: LogBook,
  killAfterMs?: number,
): Promise<Ended> {
  const child = spawn(process.execPath, ['--enable-source-maps', PROGRAMS.cli, ...args], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running.add(child);
  const killing =
    killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  logs.read(`command-${args[0] ?? ''}`, [child.stderr], () => undefined);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(killing);
  running.delete(child);
  return { code, stdout };
}

const running = new Set<ChildProcess>();

/** Kills the commands that have not ended. */
export function killCommands(): void {
  for (const child of running) child.kill('SIGKILL');
}
