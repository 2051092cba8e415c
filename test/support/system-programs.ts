import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unprivilegedAccount } from '../../src/embedded/account.js';
import type { Account } from '../../src/embedded/run-program.js';

/** Folders where Debian has servers' programs, some of which are not on the PATH of everybody. */
const FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/usr/local/bin', '/usr/bin'];

export const OLDEST_SERVER = 15;

/** Where a program of the system is; undefined where it is not installed. */
export function systemProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** Who a server runs as that refuses to run as root; undefined where we are not root. */
export async function serverAccount(): Promise<Account | undefined> {
  return process.getuid?.() === 0 ? unprivilegedAccount() : undefined;
}

/** A folder of that account alone. */
export async function serverFolder(name: string, account: Account | undefined): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  await chmod(folder, 0o700);
  if (account) await chown(folder, account.uid, account.gid);
  return folder;
}

/** The system's PostgreSQL: its programs, and whether it has TimescaleDB. */
export interface SystemServer {
  binDir: string;
  timescaledb: boolean;
}

/** Runs a program for its output; undefined when it is not there or fails. */
function outputOf(program: string, ...args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

export function subfolders(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

/** The newest server that will do, one with TimescaleDB before others. */
export function findSystemServer(): SystemServer | undefined {
  const folders = [
    outputOf('pg_config', '--bindir'),
    ...subfolders('/usr/lib/postgresql').map((f) => join(f, 'bin')),
  ];
  const servers = [...new Set(folders)]
    .flatMap((binDir) => {
      if (binDir === undefined || !['initdb', 'pg_ctl'].every((name) => existsSync(join(binDir, name))))
        return [];
      const version = Number(/(\d+)/.exec(outputOf(join(binDir, 'postgres'), '--version') ?? '')?.[1] ?? 0);
      const libDir = outputOf(join(binDir, 'pg_config'), '--pkglibdir') ?? join(binDir, '..', 'lib');
      return version < OLDEST_SERVER
        ? []
        : [{ binDir, version, timescaledb: existsSync(join(libDir, 'timescaledb.so')) }];
    })
    .sort((a, b) => Number(b.timescaledb) - Number(a.timescaledb) || b.version - a.version);
  return servers[0];
}

/** Runs a program to its end, as another user where we are root. @throws Error with what it wrote when it fails. */
export async function runAs(
  account: Account | undefined,
  program: string,
  args: string[],
  environment: Record<string, string>,
): Promise<void> {
  const child = spawn(program, args, {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(account && { uid: account.uid, gid: account.gid }),
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} failed (${String(code)}): ${said}`);
}
