import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';

/** Root folder of the repository. `npm test` builds `dist` first. */
export const ROOT = join(import.meta.dirname, '..', '..');
const ENTRY = { cli: join(ROOT, 'dist/src/cli.js'), server: join(ROOT, 'dist/src/main.js') };

type Variables = Record<string, string>;

/** The variables, and those of the tests' own environment that every process needs. */
function environment(env: Variables): NodeJS.ProcessEnv {
  const { PATH, HOME, TZ } = process.env;
  return { PATH, HOME, ...(TZ !== undefined && { TZ }), ...env };
}

/** The result of a command. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  ms: number;
}

/** Runs `tracker <args>` to its end. */
export function runCli(args: readonly string[], env: Variables, stdin: string | Buffer = ''): Promise<Ended> {
  return runToEnd(spawn(process.execPath, [ENTRY.cli, ...args], { env: environment(env) }), stdin);
}

/** Runs a server that is expected to exit by itself. */
export function runServer(env: Variables): Promise<Ended> {
  return runToEnd(spawn(process.execPath, [ENTRY.server], { env: environment(env) }), '');
}

/** Runs another copy of the package: `tracker <args>`, or the server without arguments. */
export function runCopy(root: string, args: readonly string[], env: Variables): Promise<Ended> {
  const script = join(root, 'dist/src', args.length > 0 ? 'cli.js' : 'main.js');
  return runToEnd(spawn(process.execPath, [script, ...args], { env: environment(env) }), '');
}

async function runToEnd(child: ChildProcess, stdin: string | Buffer): Promise<Ended> {
  const began = Date.now();
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  child.stdin?.on('error', () => undefined); // it may end without reading
  child.stdin?.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output, ms: Date.now() - began };
}

/** A process of the product that runs until it is stopped. */
export class RunningProduct {
  /** Its output so far. */
  output = '';
  private readonly ending: Promise<number | null>;

  private constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.ending = once(child, 'close').then(([code]) => code as number | null);
  }

  static server(env: Variables): RunningProduct {
    return new RunningProduct(spawn(process.execPath, [ENTRY.server], { env: environment(env) }));
  }

  static cli(args: readonly string[], env: Variables): RunningProduct {
    return new RunningProduct(spawn(process.execPath, [ENTRY.cli, ...args], { env: environment(env) }));
  }

  /** Waits until its output matches. @returns the match. */
  async waitForOutput(pattern: RegExp, ms = 30_000): Promise<RegExpExecArray> {
    const end = Date.now() + ms;
    for (;;) {
      const found = pattern.exec(this.output);
      if (found) return found;
      if (this.child.exitCode !== null || Date.now() > end)
        throw new Error(`no output matches ${String(pattern)}; output:\n${this.output}`);
      await sleep(20);
    }
  }

  /** Its address, e.g. `http://127.0.0.1:3000`. */
  async address(): Promise<string> {
    return (await this.waitForOutput(/(?:GraphQL|health) at (http:\/\/127\.0\.0\.1:\d+)\//))[1] as string;
  }

  /** Sends a signal and waits for its end. */
  async end(signal: NodeJS.Signals): Promise<{ code: number | null; ms: number }> {
    const began = Date.now();
    this.child.kill(signal);
    return { code: await this.ending, ms: Date.now() - began };
  }

  /** Kills it if it still runs; for the end of a test. */
  async destroy(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end('SIGKILL');
  }
}

/** Posts a query, which must succeed, to a running product. @returns its data. */
export async function query<T>(address: string, text: string): Promise<T> {
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: text }),
  });
  const { data, errors } = (await response.json()) as { data: T; errors?: unknown };
  expect(errors).toBeUndefined();
  return data;
}

/** Creates a data folder for an embedded PostgreSQL, which runs as another user if the tests run as root. */
export function newDataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'product-'));
  chmodSync(folder, 0o755);
  return folder;
}

/** Command lines of the embedded PostgreSQL's processes for a data folder. Linux only. */
export function postgresProcesses(dataFolder: string): string[] {
  const cluster = join(realpathSync(dataFolder), 'cluster');
  const token = `tracker-${createHash('sha256').update(cluster).digest('hex').slice(0, 16)}`;
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => {
      try {
        return `${entry} ${readFileSync(`/proc/${entry}/cmdline`, 'latin1').replaceAll('\0', ' ')}`;
      } catch {
        return ''; // it has ended meanwhile
      }
    })
    .filter((line) => line.includes(token));
}

/** Address and postmaster process id of the embedded PostgreSQL of a data folder. */
export function postgresOf(dataFolder: string): { url: string; postmaster: number } {
  const read = (file: string): string => readFileSync(join(dataFolder, 'cluster', file), 'utf8');
  const [pid, , , port] = read('pgdata/postmaster.pid').split('\n');
  return {
    url: `postgres://tracker:${read('password').trim()}@127.0.0.1:${port ?? ''}/tracker`,
    postmaster: Number(pid),
  };
}
