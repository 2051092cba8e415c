import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { accountOf, canEnter, unprivilegedAccount } from './account.js';
import type { Account } from './run-program.js';

/** Where a cluster lives and as whom it runs. */
export interface Place {
  /** Folder with `cluster/` and `run/`; absolute, without links in it. */
  readonly baseDir: string;
  /** undefined: the current user. */
  readonly account?: Account;
}

/** Where root keeps programs and data that PostgreSQL's user could not reach. */
export const SYSTEM_FOLDER = '/var/lib/tracker-embedded';
/** Version 0.3.0 and older kept data here where /var/lib was read-only. */
const OLD_SYSTEM_FOLDER = '/var/tmp/tracker-embedded';

/** The file in the requested folder that says where the data is when it is not there. */
export const NOTE_FILE = 'DATA-IS-ELSEWHERE.txt';

/**
 * Decides where the data of `dataDir` lives. Existing data stays where it is. New data goes to `dataDir`; as root,
 * where PostgreSQL's user cannot enter that, to a folder below {@link SYSTEM_FOLDER} named after its path.
 *
 * @param dataDir relative paths count from the working directory; made if it does not exist.
 * @throws DomainError `UNAVAILABLE` when the data belongs to another user, or its owner cannot reach it.
 */
export async function choosePlace(dataDir: string, log: (line: string) => void): Promise<Place> {
  const root = process.getuid?.() === 0;
  const requested = resolve(dataDir);
  const made = await mkdir(requested, { recursive: true, mode: root ? 0o755 : 0o700 });
  if (made !== undefined && root) await chmod(requested, 0o755); // whatever the umask was
  const here = await realpath(requested);
  const place = root ? await placeAsRoot(here, log) : await placeAsUser(here);
  await mkdir(join(place.baseDir, 'run'), { recursive: true, mode: 0o700 });
  return place;
}

async function ownerOfData(baseDir: string): Promise<{ uid: number; gid: number } | undefined> {
  return stat(join(baseDir, 'cluster', 'pgdata')).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
}

async function placeAsUser(here: string): Promise<Place> {
  const owner = await ownerOfData(here);
  if (owner === undefined || owner.uid === process.getuid?.()) return { baseDir: here };
  throw new DomainError(
    'UNAVAILABLE',
    `The data in ${here} belongs to user ${(await accountOf(owner)).name}, and only that user's server can use it. ` +
      'Run as root or as that user, choose another EMBEDDED_DATA_DIR, or set DATABASE_URL.',
  );
}

async function placeAsRoot(here: string, log: (line: string) => void): Promise<Place> {
  const name = createHash('sha256').update(here).digest('hex').slice(0, 16);
  const elsewhere = join(SYSTEM_FOLDER, 'clusters', name);
  const old = join(OLD_SYSTEM_FOLDER, 'clusters', name);
  for (const baseDir of [here, elsewhere, ...((await isOnlyForRoot(old)) ? [old] : [])]) {
    const owner = await ownerOfData(baseDir);
    if (owner === undefined) continue;
    if (baseDir !== here) await writeNote(here, baseDir, log);
    return placeOfExisting(baseDir, owner);
  }
  const account = await unprivilegedAccount();
  if (await canEnter(account, here)) {
    await rm(join(here, NOTE_FILE), { force: true });
    return { baseDir: here, account };
  }
  await makeSystemFolder('clusters', name);
  await writeFile(join(elsewhere, 'REQUESTED-AS.txt'), `${here}\n`);
  await writeNote(here, elsewhere, log);
  return { baseDir: elsewhere, account };
}

async function placeOfExisting(baseDir: string, owner: { uid: number; gid: number }): Promise<Place> {
  const account = await accountOf(owner);
  if (owner.uid !== 0 && (await canEnter(account, baseDir))) return { baseDir, account };
  throw new DomainError(
    'UNAVAILABLE',
    `The data in ${baseDir} belongs to user ${account.name}. PostgreSQL has to run as that user, which must not be root ` +
      'and must be able to enter that folder (chmod a+x on the folders above). Or set DATABASE_URL.',
  );
}

/** /var/tmp is open to everyone: another user could have put a cluster there for root to run. */
async function isOnlyForRoot(folder: string): Promise<boolean> {
  for (const path of [dirname(dirname(folder)), dirname(folder), folder]) {
    const info = await lstat(path).catch(() => undefined);
    if (!info?.isDirectory() || info.uid !== 0 || (info.mode & 0o022) !== 0) return false;
  }
  return true;
}

/** Makes a folder below {@link SYSTEM_FOLDER} that all can read and only root can change, whatever the umask is. */
export async function makeSystemFolder(...names: string[]): Promise<string> {
  let folder = SYSTEM_FOLDER;
  for (const name of ['', ...names]) {
    folder = join(folder, name);
    await mkdir(folder, { recursive: true });
    await chmod(folder, 0o755);
  }
  return folder;
}

async function writeNote(here: string, baseDir: string, log: (line: string) => void): Promise<void> {
  log(`embedded PostgreSQL: the user that it runs as cannot enter ${here}; the data is in ${baseDir}`);
  await writeFile(
    join(here, NOTE_FILE),
    `The embedded PostgreSQL of this folder keeps its data in\n${baseDir}\n\n` +
      'It does not run as root, and the user that it runs as cannot enter this folder.\n' +
      'To start afresh, remove that folder (while nothing uses it), not this file.\n',
  );
}
