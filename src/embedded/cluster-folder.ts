import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { DATABASE_NAME } from './database.js';
import type { ClusterLocation } from './cluster-location.js';
import type { Programs } from './programs.js';
import { type Account, runProgram } from './run-program.js';

/**
 * Creates the cluster of a location if there is none: a folder `cluster` with `pgdata/` (from initdb), `log/` and
 * `password`. Call it under the start lock.
 *
 * The folder is created under another name and renamed when complete: an interrupted start leaves an `init-*` folder,
 * which the next start removes, and never an incomplete cluster.
 *
 * @returns the password of the superuser.
 * @throws DomainError `UNAVAILABLE` when initdb fails (with its output), or the data is of another major version.
 */
export async function ensureCluster(
  location: ClusterLocation,
  programs: Programs,
  log: (line: string) => void,
): Promise<string> {
  const clusterDir = join(location.baseDir, 'cluster');
  const version = await dataVersion(clusterDir);
  if (version === undefined) {
    log(`embedded PostgreSQL: creating a cluster in ${clusterDir}`);
    await createCluster(location, programs);
  } else if (version !== programs.version.split('.')[0]) {
    throw new DomainError(
      'UNAVAILABLE',
      `The data in ${clusterDir} was written by PostgreSQL ${version}, the embedded server is version ${programs.version}. ` +
        'Dump it with the old version and restore it, move the folder away to start empty, or set DATABASE_URL.',
    );
  }
  return (await readFile(join(clusterDir, 'password'), 'utf8')).trim();
}

/** Major version of PostgreSQL that wrote the data; undefined when there is no cluster. */
async function dataVersion(clusterDir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(clusterDir, 'pgdata', 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if ((await readdir(clusterDir).catch(() => undefined)) === undefined) return undefined;
  throw new DomainError(
    'UNAVAILABLE',
    `${clusterDir} exists, but contains no PostgreSQL data (pgdata/PG_VERSION is missing). ` +
      'Restore it, or move it away to start with an empty database.',
  );
}

async function createCluster({ baseDir, account }: ClusterLocation, programs: Programs): Promise<void> {
  try {
    const attempt = await newAttempt(baseDir, account);
    await runInitdb(attempt, programs, account);
    await rm(join(attempt, 'pwfile'));
    await rename(attempt, join(baseDir, 'cluster'));
    await syncFolder(baseDir);
  } finally {
    await removeAttempts(baseDir, account);
  }
}

async function newAttempt(baseDir: string, account: Account | undefined): Promise<string> {
  const attempt = join(baseDir, `init-${randomBytes(6).toString('hex')}`);
  await mkdir(attempt, { mode: 0o700 });
  const password = randomBytes(24).toString('base64url');
  await writeFile(join(attempt, 'password'), password, { mode: 0o600, flush: true });
  await writeFile(join(attempt, 'pwfile'), password, { mode: 0o600 }); // for initdb, which runs as the account
  for (const folder of ['pgdata', 'log']) await mkdir(join(attempt, folder), { mode: 0o700 });
  if (account) {
    for (const name of ['pwfile', 'pgdata', 'log'])
      await chown(join(attempt, name), account.uid, account.gid);
    await chmod(attempt, 0o755);
  }
  return attempt;
}

async function runInitdb(attempt: string, programs: Programs, account: Account | undefined): Promise<void> {
  const { code, output } = await runProgram(
    join(programs.dir, 'bin', 'initdb'),
    [
      ...['-D', 'pgdata', '-U', DATABASE_NAME, '-A', 'scram-sha-256', '--pwfile=pwfile', '--encoding=UTF8'],
      // The built-in C.UTF-8 maps the case of all letters, sorts by code point, and needs no locale
      // of the operating system: https://www.postgresql.org/docs/18/locale.html#LOCALE-PROVIDERS
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ],
    { cwd: attempt, account },
  );
  if (code !== 0) throw new DomainError('UNAVAILABLE', `initdb failed in ${attempt}:\n${output.trim()}`);
}

/**
 * Removes the folders of interrupted starts. Deletes the files of the account as that account: if root deleted them,
 * that user could swap in a link to another folder meanwhile. An initdb whose parent was killed may still write files;
 * the next start removes them.
 */
async function removeAttempts(baseDir: string, account: Account | undefined): Promise<void> {
  for (const entry of await readdir(baseDir)) {
    if (!entry.startsWith('init-')) continue;
    const attempt = join(baseDir, entry);
    if (account)
      await runProgram('/bin/sh', ['-c', 'rm -rf -- "$1"/pgdata/* "$1"/log/*', 'sh', attempt], { account });
    await rm(attempt, { recursive: true, force: true, maxRetries: 10 }).catch(() => undefined);
  }
}

/** Makes a rename in the folder durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
