import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
/** The package root, from src/database under a test and from dist/src/database in a build. */
const packageRoot = findPackageRoot(here);
const cache = new Map<string, string>();

function findPackageRoot(from: string): string {
  return /[\\/]dist[\\/]src[\\/]database$/.test(from) ? join(from, '..', '..', '..') : join(from, '..', '..');
}

/** Absolute path of a file of the package, given relative to its root. */
export function packagePath(...parts: string[]): string {
  return join(packageRoot, ...parts);
}

/**
 * Text of a file below `sql/`, cached.
 *
 * @param name path without the ending, e.g. `queries/trackers/find-many` or `migrations/0001/common/trackers`.
 * @throws the file system's error for a missing file; at start, because constants load the queries.
 */
export function sqlFile(name: string): string {
  let text = cache.get(name);
  if (text === undefined) {
    text = readFileSync(packagePath('sql', `${name}.sql`), 'utf8');
    cache.set(name, text);
  }
  return text;
}
