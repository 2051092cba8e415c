import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { accountOf, canEnter, unprivilegedAccount } from './account.js';
import type { Account } from './run-program.js';

/** The folder of a cluster, and the user that its server runs as. */
export interface ClusterLocation {
  /** Folder with `cluster/` and `run/`; an absolute path without symbolic links. */
  readonly baseDir: string;
  /** undefined: the current user. */
  readonly account?: Account;
}

/** Folder for the programs and the data, as root, if PostgreSQL's user cannot access them where they are. */
export const SYSTEM_FOLDER = '/var/lib/tracker-embedded';
/** Version 0.3.0 and older kept data requestedDir where /var/lib was read-only. */
const OLD_SYSTEM_FOLDER = '/var/tmp/tracker-embedded';

/** File in the requested folder that names the folder of the data, if that is another one. */
export const NOTE_FILE = 'DATA-IS-ELSEWHERE.txt';

/**
 * Decides where the data of `dataDir` is stored. Existing data is used where it is. New data is stored in `dataDir` or,
 * as root, if PostgreSQL's user cannot enter that, in a folder below {@link SYSTEM_FOLDER} that is named by its hash.
 *
 * @param dataDir created if needed; a relative path is relative to the working directory.
 * @throws DomainError `UNAVAILABLE` when the data belongs to another user, or its owner cannot reach it.
 */
export async function chooseLocation(dataDir: string, log: (line: string) => void): Promise<ClusterLocation> {
  const root = process.getuid?.() === 0;
  const absolute = resolve(dataDir);
  const created = await mkdir(absolute, { recursive: true, mode: root ? 0o755 : 0o700 });
  if (created !== undefined && root) await chmod(absolute, 0o755); // whatever the umask was
  const requestedDir = await realpath(absolute);
  const location = root ? await locateAsRoot(requestedDir, log) : await locateAsUser(requestedDir);
  await mkdir(join(location.baseDir, 'run'), { recursive: true, mode: 0o700 });
  return location;
}

async function ownerOfData(baseDir: string): Promise<{ uid: number; gid: number } | undefined> {
  return stat(join(baseDir, 'cluster', 'pgdata')).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
}

async function locateAsUser(requestedDir: string): Promise<ClusterLocation> {
  const owner = await ownerOfData(requestedDir);
  if (owner === undefined || owner.uid === process.getuid?.()) return { baseDir: requestedDir };
  throw new DomainError(
    'UNAVAILABLE',
    `The data in ${requestedDir} belongs to user ${(await accountOf(owner)).name}, and only that user's server can use it. ` +
      'Run as root or as that user, choose another EMBEDDED_DATA_DIR, or set DATABASE_URL.',
  );
}

async function locateAsRoot(requestedDir: string, log: (line: string) => void): Promise<ClusterLocation> {
  const name = createHash('sha256').update(requestedDir).digest('hex').slice(0, 16);
  const systemDir = join(SYSTEM_FOLDER, 'clusters', name);
  const old = join(OLD_SYSTEM_FOLDER, 'clusters', name);
  for (const baseDir of [requestedDir, systemDir, ...((await isWritableByRootOnly(old)) ? [old] : [])]) {
    const owner = await ownerOfData(baseDir);
    if (owner === undefined) continue;
    if (baseDir !== requestedDir) await writeNote(requestedDir, baseDir, log);
    return locationOfExisting(baseDir, owner);
  }
  const account = await unprivilegedAccount();
  if (await canEnter(account, requestedDir)) {
    await rm(join(requestedDir, NOTE_FILE), { force: true });
    return { baseDir: requestedDir, account };
  }
  await createSystemFolder('clusters', name);
  await writeFile(join(systemDir, 'REQUESTED-AS.txt'), `${requestedDir}\n`);
  await writeNote(requestedDir, systemDir, log);
  return { baseDir: systemDir, account };
}

async function locationOfExisting(
  baseDir: string,
  owner: { uid: number; gid: number },
): Promise<ClusterLocation> {
  const account = await accountOf(owner);
  if (owner.uid !== 0 && (await canEnter(account, baseDir))) return { baseDir, account };
  throw new DomainError(
    'UNAVAILABLE',
    `The data in ${baseDir} belongs to user ${account.name}. PostgreSQL has to run as that user, which must not be root ` +
      'and must be able to enter that folder (chmod a+x on the folders above). Or set DATABASE_URL.',
  );
}

/** Whether only root can change the folder: anybody may write to /var/tmp, also a cluster for root to run. */
async function isWritableByRootOnly(folder: string): Promise<boolean> {
  for (const path of [dirname(dirname(folder)), dirname(folder), folder]) {
    const info = await lstat(path).catch(() => undefined);
    if (!info?.isDirectory() || info.uid !== 0 || (info.mode & 0o022) !== 0) return false;
  }
  return true;
}

/** Creates a folder below {@link SYSTEM_FOLDER} that all can read and only root can change, whatever the umask is. */
export async function createSystemFolder(...names: string[]): Promise<string> {
  let folder = SYSTEM_FOLDER;
  for (const name of ['', ...names]) {
    folder = join(folder, name);
    await mkdir(folder, { recursive: true });
    await chmod(folder, 0o755);
  }
  return folder;
}

async function writeNote(requestedDir: string, baseDir: string, log: (line: string) => void): Promise<void> {
  log(
    `embedded PostgreSQL: the user that it runs as cannot enter ${requestedDir}; the data is in ${baseDir}`,
  );
  await writeFile(
    join(requestedDir, NOTE_FILE),
    `The embedded PostgreSQL of this folder keeps its data in\n${baseDir}\n\n` +
      'It does not run as root, and the user that it runs as cannot enter this folder.\n' +
      'To start afresh, remove that folder (while nothing uses it), not this file.\n',
  );
}
