import { existsSync } from 'node:fs';
import { chmod, chown, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unprivilegedAccount } from '../../src/embedded/account.js';
import type { Account } from '../../src/embedded/standalone.js';

/** Folders where Debian has servers' programs, some of which are not on the PATH of everybody. */
const FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/usr/local/bin', '/usr/bin'];

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
