import { chmod, lstat, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Where root keeps programs and data that cannot stay in the clone, in the order of preference. */
export const SYSTEM_FOLDERS: readonly string[] = ['/var/lib/tracker-embedded', '/var/tmp/tracker-embedded'];

/**
 * Makes `<base>/<name>`, readable for all and writable for root only.
 *
 * /var/tmp is open to everyone, so what is there already is only taken if root made it: someone could have
 * prepared a folder, or a link, to have root run their programs.
 *
 * @throws Error that says which folder cannot be trusted or made.
 */
export async function systemFolder(base: string, name: string): Promise<string> {
  const folder = join(base, name);
  await ownedByRoot(dirname(base), true);
  for (const path of [base, folder]) {
    await mkdir(path, { mode: 0o755 }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    await ownedByRoot(path, false);
    await chmod(path, 0o755); // mkdir's mode went through the umask
  }
  return folder;
}

/** Whether `<base>/<name>` exists as {@link systemFolder} makes it. */
export async function isSystemFolder(base: string, name: string): Promise<boolean> {
  try {
    await ownedByRoot(dirname(base), true);
    for (const path of [base, join(base, name)]) await ownedByRoot(path, false);
    return true;
  } catch {
    return false; // missing, or somebody else's: nothing of ours is in there
  }
}

async function ownedByRoot(path: string, stickyWillDo: boolean): Promise<void> {
  const info = await lstat(path);
  const writableByOthers = (info.mode & 0o022) !== 0 && !(stickyWillDo && (info.mode & 0o1000) !== 0);
  if (!info.isDirectory() || info.uid !== 0 || writableByOthers) {
    throw new Error(`${path} is not a folder that only root can change`);
  }
}
