import { randomBytes } from 'node:crypto';
import { chown, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { DATABASE_NAME } from './database.js';
import type { Place } from './place.js';
import type { Programs } from './programs.js';
import { type Account, runProgram, sleep } from './standalone.js';

const REMOVAL_ROUNDS = 10;

/**
 * The folder of a cluster: `pgdata/` (initdb's), `log/`, `password` and `server.conf`.
 *
 * Made under another name and renamed when complete: a start that was interrupted leaves an `init-*` folder, which
 * the next one removes, and never half a cluster.
 *
 * To be called under the lock of the place.
 *
 * @param durable false: no fsync (tests that set `fsync=off`).
 * @throws DomainError `UNAVAILABLE` when initdb fails (with its words), or the data is of another major version.
 */
export async function openClusterFolder(
  place: Place,
  programs: Programs,
  durable: boolean,
  log: (line: string) => void,
): Promise<{ clusterDir: string; password: string }> {
  const clusterDir = join(place.baseDir, 'cluster');
  const version = await dataVersion(clusterDir);
  if (version === undefined) {
    log(`embedded PostgreSQL: creating a cluster in ${clusterDir}`);
    await createCluster(place, programs, durable, log);
  } else {
    await requireVersion(clusterDir, version, programs);
  }
  return { clusterDir, password: (await readFile(join(clusterDir, 'password'), 'utf8')).trim() };
}

async function dataVersion(clusterDir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(clusterDir, 'pgdata', 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const rest = await readdir(clusterDir).catch(() => undefined);
  if (rest === undefined) return undefined;
  throw new DomainError(
    'UNAVAILABLE',
    `${clusterDir} exists, but holds no PostgreSQL data (pgdata/PG_VERSION is missing). ` +
      'Restore it, or move it away to start with an empty database.',
  );
}

async function requireVersion(clusterDir: string, version: string, programs: Programs): Promise<void> {
  const { output } = await runProgram(join(programs.dir, 'bin', 'postgres'), ['--version']);
  const major = /(\d+)/.exec(output.split(') ')[1] ?? output)?.[1];
  if (version === major) return;
  throw new DomainError(
    'UNAVAILABLE',
    `The data in ${clusterDir} was written by PostgreSQL ${version}, the embedded server is ${output.trim()}. ` +
      'Dump it with the old version and restore it, move the folder away to start empty, or set DATABASE_URL.',
  );
}

async function createCluster(
  place: Place,
  programs: Programs,
  durable: boolean,
  log: (line: string) => void,
): Promise<void> {
  const { baseDir, account } = place;
  for (const entry of await readdir(baseDir)) {
    if (entry.startsWith('init-')) await removeAttempt(join(baseDir, entry), account, log);
  }
  const attempt = join(baseDir, `init-${randomBytes(6).toString('hex')}`);
  await mkdir(attempt, { mode: 0o700 });
  try {
    const password = randomBytes(24).toString('base64url');
    await writeSecret(join(attempt, 'password'), password);
    await writeSecret(join(attempt, 'pwfile'), password, account); // initdb has to read it as the account
    for (const folder of ['pgdata', 'log']) {
      await mkdir(join(attempt, folder), { mode: 0o700 });
      if (account) await chown(join(attempt, folder), account.uid, account.gid);
    }
    await setMode(attempt, account ? 0o755 : 0o700);
    await runInitdb(attempt, programs, account, durable);
    await rm(join(attempt, 'pwfile'));
    await rename(attempt, join(baseDir, 'cluster'));
    if (durable) await syncFolder(baseDir);
  } catch (error) {
    await removeAttempt(attempt, account, log);
    throw error;
  }
}

async function runInitdb(
  attempt: string,
  programs: Programs,
  account: Account | undefined,
  durable: boolean,
): Promise<void> {
  const { code, output } = await runProgram(
    join(programs.dir, 'bin', 'initdb'),
    [
      ...['-D', 'pgdata', '-U', DATABASE_NAME, '-A', 'scram-sha-256', '--pwfile=pwfile', '--encoding=UTF8'],
      // The built-in C.UTF-8 knows upper and lower case of all letters, sorts by code point, and needs no locale
      // of the operating system: https://www.postgresql.org/docs/18/locale.html#LOCALE-PROVIDERS
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ...(durable ? [] : ['--no-sync']),
    ],
    { cwd: attempt, account },
  );
  if (code === 0) return;
  const hint = /could not look up effective user/.test(output)
    ? ' initdb needs the user id to be in /etc/passwd. Set DATABASE_URL, or run as a user that is there.'
    : '';
  throw new DomainError('UNAVAILABLE', `initdb failed in ${attempt}:\n${output.trim()}\n${hint}`.trimEnd());
}

/**
 * Removes half a cluster, as well as that goes: an initdb whose starter was killed may still be writing into it.
 * What stays is in nobody's way, and the next first start tries again.
 *
 * By the account itself: root following a tree that another user can change at the same time could be led elsewhere.
 */
async function removeAttempt(
  attempt: string,
  account: Account | undefined,
  log: (line: string) => void,
): Promise<void> {
  try {
    for (let round = 0; account && round < REMOVAL_ROUNDS; round++) {
      const script = 'rm -rf -- "$1"/pgdata/* "$1"/log/*';
      const { code } = await runProgram('/bin/sh', ['-c', script, 'sh', attempt], { account });
      if (code === 0) break;
      await sleep(100);
    }
    await rm(attempt, { recursive: true, force: true, maxRetries: REMOVAL_ROUNDS, retryDelay: 50 });
  } catch (error) {
    log(`embedded PostgreSQL: ${attempt} could not be removed: ${String(error)}`);
  }
}

async function writeSecret(file: string, text: string, owner?: Account): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    if (owner) await handle.chown(owner.uid, owner.gid);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function setMode(folder: string, mode: number): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
