import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { DomainError } from '../common/errors/domain-error.js';
import { packagePath } from '../database/sql-files.js';
import type { SqlRunner } from '../database/server-capabilities.js';

const ROOT = 'sql/migrations';
const LIST = 'checksums.txt';

/** Checksums of the released files, by path below sql/migrations, from the list that `sha256sum` wrote. */
function releasedFiles(): Map<string, string> {
  const list = packagePath(ROOT, LIST);
  if (!existsSync(list)) {
    throw new DomainError(
      'BAD_CONFIGURATION',
      `${ROOT}/${LIST} is missing. Nothing was run. Install this version again`,
    );
  }
  const lines = readFileSync(list, 'utf8').trim().split('\n');
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}

/** Paths of the existing SQL files, below sql/migrations. */
function presentFiles(): string[] {
  return readdirSync(packagePath(ROOT), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

const checksumOf = (path: string): string =>
  createHash('sha256')
    .update(readFileSync(packagePath(ROOT, path)))
    .digest('hex');

/** The list of checksums for the existing files. */
export function listChecksums(): string {
  return presentFiles()
    .map((path) => `${checksumOf(path)}  ${path}\n`)
    .join('');
}

/**
 * Checks that this installation has the steps of the release, unchanged.
 *
 * @throws DomainError `BAD_CONFIGURATION` that names files that were edited, removed or added.
 */
export function verifyFrozenSteps(): void {
  const released = releasedFiles();
  const present = presentFiles();
  const problems = [
    ...[...released.keys()]
      .filter((path) => !present.includes(path))
      .map((path) => `${ROOT}/${path} is missing`),
    ...present
      .filter((path) => released.has(path) && released.get(path) !== checksumOf(path))
      .map((path) => `${ROOT}/${path} was edited`),
    ...present
      .filter((path) => !released.has(path))
      .map((path) => `${ROOT}/${path} is not in ${ROOT}/${LIST}`),
  ];
  if (problems.length > 0) {
    throw new DomainError(
      'BAD_CONFIGURATION',
      `Released migration steps must not change (${problems.join('; ')}). Nothing was run. ` +
        'Install this version again; a change of the schema needs a new step',
    );
  }
}

/** SHA-256 of the released files of a step folder, in hexadecimal, as the database records it. */
export function stepChecksum(folder: string): string {
  const hash = createHash('sha256');
  for (const [path, checksum] of releasedFiles()) {
    if (path.startsWith(`${folder}/`)) hash.update(`${checksum}  ${path}\n`);
  }
  return hash.digest('hex');
}

/**
 * Checks that the steps that ran in a database had the same files as the steps of this program.
 *
 * @throws DomainError `BAD_CONFIGURATION` that names the steps.
 */
export async function verifyRecordedSteps(db: SqlRunner): Promise<void> {
  const [{ present }] = (await db.query(`SELECT to_regclass('schema_steps') IS NOT NULL AS present`)) as [
    { present: boolean },
  ];
  if (!present) return;
  const recorded = (await db.query('SELECT step, checksum FROM schema_steps ORDER BY step')) as {
    step: string;
    checksum: string;
  }[];
  const known = new Set([...releasedFiles().keys()].map((path) => path.split('/')[0]));
  const changed = recorded.filter(({ step, checksum }) => known.has(step) && checksum !== stepChecksum(step));
  if (changed.length > 0) {
    throw new DomainError(
      'BAD_CONFIGURATION',
      `This database ran other files as step ${changed.map(({ step }) => step).join(', ')} than this program has. ` +
        'Nothing was run. Install the version that the database was migrated with, or a newer one',
    );
  }
}

/** Records the files of a step that has run, in its transaction. */
export async function recordStep(db: SqlRunner, folder: string): Promise<void> {
  await db.query(`INSERT INTO schema_steps (step, checksum) VALUES ($1, $2) ON CONFLICT (step) DO NOTHING`, [
    folder,
    stepChecksum(folder),
  ]);
}
