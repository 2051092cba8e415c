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
 * @throws at start, because constants load the queries: the file system's error for a missing file, and an Error for a
 * query that has variants.
 */
export function sqlFile(name: string): string {
  const text = readSql(name);
  if (MARKER.test(text)) throw new Error(`sql/${name}.sql has variants: load it with queryVariant()`);
  return text;
}

function readSql(name: string): string {
  let text = cache.get(name);
  if (text === undefined) {
    text = readFileSync(packagePath('sql', `${name}.sql`), 'utf8');
    cache.set(name, text);
  }
  return text;
}

/** A line in the header of a query, e.g. `-- Variant HOURLY: {{history}} is history_in_hours`. */
const VARIANT = /^-- Variant (\w+): (\{\{\w+\}\}) is (.+)$/;
const MARKER = /\{\{.*?\}\}/;

/**
 * The statements of a query file, by the names of its variants. Variants differ in the text that replaces a marker,
 * such as `{{history}}`; the header declares each variant in a line. The name of another query inserts that query, in
 * parentheses.
 *
 * @throws Error when a declared marker does not occur in the statement, or an undeclared one occurs.
 */
export function variantsOf(query: string): Readonly<Record<string, string>> {
  const lines = query.split('\n');
  const text = lines.filter((line) => !VARIANT.test(line)).join('\n');
  const variants: Record<string, string> = {};
  for (const line of lines) {
    const [, variant = '', marker = '', replacement = ''] = VARIANT.exec(line) ?? [];
    if (variant === '') continue;
    if (!text.includes(marker)) throw new Error(`the marker ${marker} does not occur`);
    const inserted = replacement.startsWith('queries/') ? `(${sqlFile(replacement)})` : replacement;
    variants[variant] = text.replaceAll(marker, () => inserted);
  }
  for (const statement of Object.keys(variants).length > 0 ? Object.values(variants) : [text]) {
    const [undeclared] = MARKER.exec(statement) ?? [];
    if (undeclared !== undefined) throw new Error(`the marker ${undeclared} is not declared`);
  }
  return variants;
}

/** The variants of a query file, by name; empty if it declares none. @throws Error as variantsOf() does. */
export function queryVariants(name: string): Readonly<Record<string, string>> {
  try {
    return variantsOf(readSql(name));
  } catch (error) {
    throw new Error(`sql/${name}.sql: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** One variant of a query file. @throws Error as variantsOf() does, and when the file does not declare this variant. */
export function queryVariant(name: string, variant: string): string {
  const statement = queryVariants(name)[variant];
  if (statement === undefined) throw new Error(`sql/${name}.sql: no variant ${variant} is declared`);
  return statement;
}
