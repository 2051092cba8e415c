import { createHash } from 'node:crypto';
import { chmod, mkdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { accountOf, canEnter, unprivilegedAccount } from './account.js';
import type { Account } from './standalone.js';
import { isSystemFolder, systemFolder, SYSTEM_FOLDERS } from './system-folder.js';

/** Where a cluster lives and as whom it runs. */
export interface Place {
  /** Folder with `cluster/` and `run/`; absolute, without links in it. */
  readonly baseDir: string;
  /** undefined: as ourselves. */
  readonly account?: Account;
}

/** The file in the requested folder that says where the data is when it is not there. */
export const NOTE_FILE = 'DATA-IS-ELSEWHERE.txt';

/**
 * Decides where the data of `dataDir` lives. Not root: there. Root: there if the unprivileged account can enter it,
 * else in a system folder whose name is derived from the path. Data that exists already is never left behind.
 *
 * @param dataDir relative paths count from the working directory; made if it does not exist.
 * @throws DomainError `UNAVAILABLE` when the data belongs to someone else or nobody can reach it.
 */
export async function choosePlace(dataDir: string, log: (line: string) => void): Promise<Place> {
  const root = process.getuid?.() === 0;
  const requested = resolve(dataDir);
  const made = await mkdir(requested, { recursive: true, mode: root ? 0o755 : 0o700 });
  if (made !== undefined && root) await chmod(requested, 0o755); // mkdir's mode went through the umask
  const here = await realpath(requested);
  const place = root ? await placeAsRoot(here, log) : { baseDir: here };
  if (!root) await refuseForeignData(here);
  await mkdir(join(place.baseDir, 'run'), { recursive: true, mode: 0o700 });
  for (const folder of ['lock', 'users'])
    await mkdir(join(place.baseDir, 'run', folder), { recursive: true });
  return place;
}

async function ownerOfData(baseDir: string): Promise<{ uid: number; gid: number } | undefined> {
  return stat(join(baseDir, 'cluster', 'pgdata')).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
}

async function refuseForeignData(here: string): Promise<void> {
  const owner = await ownerOfData(here);
  if (owner === undefined || owner.uid === process.getuid?.()) return;
  throw new DomainError(
    'UNAVAILABLE',
    `The data in ${here} belongs to user ${(await accountOf(owner)).name}: a server of ours could not use it. ` +
      'Run as root or as that user, choose another EMBEDDED_DATA_DIR, or set DATABASE_URL.',
  );
}

async function placeAsRoot(here: string, log: (line: string) => void): Promise<Place> {
  const owner = await ownerOfData(here);
  if (owner !== undefined) return placeOfExisting(here, owner);
  const name = createHash('sha256').update(here).digest('hex').slice(0, 16);
  for (const base of SYSTEM_FOLDERS) {
    const baseDir = join(base, 'clusters', name);
    const existing = (await isSystemFolder(base, 'clusters')) ? await ownerOfData(baseDir) : undefined;
    if (existing === undefined) continue;
    await writeNote(here, baseDir, log);
    return placeOfExisting(baseDir, existing);
  }
  const account = await unprivilegedAccount();
  if (await canEnter(account, here)) {
    await rm(join(here, NOTE_FILE), { force: true });
    return { baseDir: here, account };
  }
  return { baseDir: await newPlaceElsewhere(here, name, log), account };
}

async function placeOfExisting(baseDir: string, owner: { uid: number; gid: number }): Promise<Place> {
  const account = await accountOf(owner);
  if (owner.uid === 0) {
    throw new DomainError(
      'UNAVAILABLE',
      `The data in ${baseDir} belongs to root, as whom PostgreSQL refuses to run.`,
    );
  }
  if (!(await canEnter(account, baseDir))) {
    throw new DomainError(
      'UNAVAILABLE',
      `The data in ${baseDir} belongs to user ${account.name}, who cannot enter that folder any more. ` +
        'Give that user the right to pass (chmod a+x on the folders above), or set DATABASE_URL.',
    );
  }
  return { baseDir, account };
}

async function newPlaceElsewhere(here: string, name: string, log: (line: string) => void): Promise<string> {
  const problems: string[] = [];
  for (const base of SYSTEM_FOLDERS) {
    try {
      const baseDir = join(await systemFolder(base, 'clusters'), name);
      await mkdir(baseDir, { recursive: true });
      await chmod(baseDir, 0o755);
      await writeFile(join(baseDir, 'REQUESTED-AS.txt'), `${here}\n`);
      await writeNote(here, baseDir, log);
      return baseDir;
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new DomainError(
    'UNAVAILABLE',
    `No place for the data of the embedded PostgreSQL: ${problems.join('; ')}. Set DATABASE_URL instead.`,
  );
}

async function writeNote(here: string, baseDir: string, log: (line: string) => void): Promise<void> {
  log(
    `embedded PostgreSQL: ${here} is closed to the user that the server runs as; the data is in ${baseDir}`,
  );
  await writeFile(
    join(here, NOTE_FILE),
    `The embedded PostgreSQL of this folder keeps its data in\n${baseDir}\n\n` +
      'It does not run as root, and the user that it runs as cannot enter this folder.\n' +
      'To start afresh, remove that folder (while nothing uses it), not this file.\n',
  );
}
