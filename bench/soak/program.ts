import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogBook } from './log-book.js';
import type { SoakRecord } from './record.js';

const DIST = join(import.meta.dirname, '..', '..');
export const PROGRAMS = { cli: join(DIST, 'src/cli.js'), server: join(DIST, 'src/main.js') };
/** Time limit of a stop: the limit of the product, and a margin for a busy machine. */
const STOP_MS = 35_000;
const READY = /(?:GraphQL|health) at http:/;

export type Variables = Record<string, string>;

/** These variables, and the variables of this process that every process needs. */
export function environment(env: Variables): NodeJS.ProcessEnv {
  const { PATH, HOME, TZ } = process.env;
  return { PATH, HOME, NO_COLOR: '1', ...(TZ !== undefined && { TZ }), ...env };
}

/** Memory samples of one process of a program. */
export interface ProcessMemory {
  program: string;
  pid: number;
  /** Resident memory in bytes, every ten seconds. */
  rss: number[];
}

/** A server program of the product, which can be started and ended repeatedly. */
export class Program {
  private child: ChildProcess | null = null;
  private ready = false;
  /** False if the program was ended on purpose or has exited. */
  private shouldRun = false;
  readonly processes: ProcessMemory[] = [];

  constructor(
    readonly name: string,
    private readonly env: Variables,
    private readonly logs: LogBook,
    private readonly record: SoakRecord,
  ) {}

  /**
   * Starts the program and waits until it is ready; restarts it if it exits before, because the database may be down.
   */
  async start(signal: AbortSignal): Promise<void> {
    this.shouldRun = true;
    const isOver = (): boolean => signal.aborted || !this.shouldRun;
    while (!isOver()) {
      const child = this.spawn();
      while (this.child === child && !this.isReady() && !isOver()) await sleep(50);
      if (this.isReady()) return;
      this.record.count('failed starts');
      await sleep(500);
    }
  }

  private isReady(): boolean {
    return this.ready;
  }

  private spawn(): ChildProcess {
    // In its own process group, so that Ctrl-C reaches only the soak, which then ends all programs in order.
    const child = spawn(process.execPath, ['--enable-source-maps', PROGRAMS.server], {
      env: environment(this.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.child = child;
    this.ready = false;
    this.processes.push({ program: this.name, pid: child.pid ?? 0, rss: [] });
    this.logs.read(this.name, [child.stdout, child.stderr], (line) => {
      if (READY.test(line)) this.ready = true;
    });
    child.once('exit', (code, exitSignal) => {
      if (this.child !== child) return;
      this.child = null;
      if (!this.ready || !this.shouldRun) return;
      this.record.fail(`${this.name} exited unexpectedly`, { code, signal: exitSignal });
      this.shouldRun = false;
    });
    return child;
  }

  /** Whether the program has exited and is not being started. */
  get hasExited(): boolean {
    return !this.shouldRun && this.child === null;
  }

  send(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(signal);
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Sends SIGTERM; the program must exit in time, with code 0. */
  async terminate(): Promise<void> {
    const wasReady = this.ready;
    const exit = await this.end('SIGTERM');
    if (exit !== null && wasReady && exit.code !== 0)
      this.record.fail(`${this.name} did not exit in time with code 0 after SIGTERM`, exit);
  }

  private async end(signal: NodeJS.Signals): Promise<{ code: number | null; ms: number } | null> {
    const { child } = this;
    this.shouldRun = false;
    if (child?.exitCode !== null || child.signalCode !== null) return null;
    const startedAt = performance.now();
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    child.kill(signal);
    const killing = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const code = await exited;
    clearTimeout(killing);
    return { code, ms: Math.round(performance.now() - startedAt) };
  }

  /** Records the current memory of the running process. */
  sampleMemory(): void {
    const current = this.processes.at(-1);
    if (this.child === null || !current) return;
    const rss = readMemory(current.pid);
    if (rss !== undefined) current.rss.push(rss);
  }
}

/** Resident memory of a process on Linux, in bytes; undefined if it has ended. */
function readMemory(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

export interface CommandResult {
  code: number | null;
  stdout: string;
}

/** Runs `tracker <args>` to its end. @param killAfterMs kills it if it has not ended by then. */
export async function runCommand(
  args: readonly string[],
  env: Variables,
  logs: LogBook,
  killAfterMs?: number,
): Promise<CommandResult> {
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

/** Kills all running commands. */
export function killCommands(): void {
  for (const child of running) child.kill('SIGKILL');
}
