import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { unprivilegedAccount } from '../../../src/embedded/account.js';
import type { Account } from '../../../src/embedded/run-program.js';

/** Where Debian puts server programs; not every user has all of these on the PATH. */
const FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/usr/local/bin', '/usr/bin'];

export const OLDEST_SERVER = 15;

/** Path of an installed program; undefined if it is not installed. */
export function systemProgram(name: string): string | undefined {
  return [...FOLDERS, ...(process.env['PATH'] ?? '').split(delimiter)]
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

/** The account for servers that refuse to run as root; undefined if the tests do not run as root. */
export async function serverAccount(): Promise<Account | undefined> {
  return process.getuid?.() === 0 ? unprivilegedAccount() : undefined;
}

/** Creates a folder that only this account may enter. */
export async function serverFolder(name: string, account: Account | undefined): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  await chmod(folder, 0o700);
  if (account) await chown(folder, account.uid, account.gid);
  return folder;
}

/** Programs of an installed PostgreSQL, and whether it has TimescaleDB. */
export interface SystemServer {
  binDir: string;
  timescaledb: boolean;
}

/** Runs a program for its output; undefined when it is missing or fails. */
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

let found: { server: SystemServer | undefined } | undefined;

/** The newest installed PostgreSQL that the product supports, one with TimescaleDB if there is any. */
export function systemServer(): SystemServer | undefined {
  found ??= { server: newestServer() };
  return found.server;
}

function newestServer(): SystemServer | undefined {
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

/** Runs a program to its end, as this account if there is one. @throws Error with its stderr when it fails. */
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
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} failed (${String(code)}): ${stderr}`);
}

/** Below the ephemeral ports, which an outgoing connection could take while a server restarts. */
const PORTS = { from: 10_000, to: 32_000 };
const TRIES = 100;

/** A port of 127.0.0.1 on which no process listens now. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${TRIES} ports between ${PORTS.from} and ${PORTS.to} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => probe.close(resolve));
  }
}
