import { spawn } from 'node:child_process';

/** The unprivileged user that PostgreSQL runs as when the current user is root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** Environment without PG*, LC_* and LD_* of the caller, which would change what PostgreSQL's programs do. */
export const CLEAN_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' };

/**
 * Runs a program until it ends, in its own session so that a Ctrl-C in the terminal does not reach it.
 *
 * @param account the user to run it as; undefined: the current one.
 * @returns its exit status (null when a signal ended it), and stdout and stderr in one text.
 * @throws the error of spawn(2): ENOENT, EACCES, EPERM (may not become that user).
 */
export function runProgram(
  file: string,
  args: readonly string[],
  { cwd = '/', account }: { cwd?: string; account?: Account | undefined } = {},
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      env: CLEAN_ENVIRONMENT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    let output = '';
    const collect = (chunk: Buffer) => (output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, output });
    });
  });
}
