import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { packagePath, sqlFile } from './sql-files.js';

const DECLARED_IN = 'definitions/common/session_state';

/**
 * Code without its comments, by path; SQL files by their path below sql/ without the ending, as in the declarations.
 */
function codeBelow(folder: string, ending: RegExp): [string, string][] {
  return readdirSync(packagePath(folder), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => ending.test(path) && !path.endsWith('.spec.ts'))
    .map((path) => [
      `${folder}/${path}`.replace(/^sql\/(.*)\.sql$/, '$1'),
      readFileSync(packagePath(folder, path), 'utf8').replace(/--.*$|^\s*\*.*$|\/\*\*.*$|\/\/.*$/gm, ''),
    ]);
}

const CODE = [
  ...codeBelow('sql/definitions', /\.sql$/),
  ...codeBelow('sql/queries', /\.sql$/),
  ...codeBelow('src', /\.ts$/),
];

interface Declaration {
  written: string[];
  read: string[];
  used: string[];
}

/**
 * Parses the header of that file. An entry is the names, a colon and the meaning, then indented lines that list the
 * files.
 */
function readDeclarations(): Map<string, Declaration> {
  const header = /^(?:--.*\n)*/.exec(sqlFile(DECLARED_IN))?.[0] ?? '';
  const declarations = new Map<string, Declaration>();
  for (const [, names = '', files = ''] of header.matchAll(
    /^-- ([a-z._, ]+): .*\n(?:-- \S.*\n)*((?:-- {3}.*\n)+)/gm,
  )) {
    const filesAfter = (verb: string): string[] => {
      const [, list = ''] = new RegExp(`${verb} in ((?:[^,\\n]+(?:,\\n--)?,? ?)+)`).exec(files) ?? [];
      return list
        .split(/,[\s-]*/)
        .filter(Boolean)
        .sort();
    };
    for (const name of names.split(', ')) {
      declarations.set(name, {
        written: filesAfter('written'),
        read: filesAfter('read'),
        used: filesAfter('used'),
      });
    }
  }
  return declarations;
}

const DECLARED = readDeclarations();

/** The files in which a pattern matches, by the captured text. */
function occurrences(pattern: RegExp): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [path, code] of CODE) {
    const names = [...code.matchAll(pattern)].map(([, ...captured]) => captured.find(Boolean) ?? '');
    for (const name of new Set(names)) found.set(name, [...(found.get(name) ?? []), path].sort());
  }
  return found;
}

describe('settings of a session', () => {
  const settings = [...DECLARED].filter(([name]) => name.startsWith('tracker.'));
  const written = occurrences(/set_config\('{1,2}(tracker\.\w+)'|^\s*'(tracker\.\w+)':/gm);
  const read = occurrences(/current_setting\('{1,2}(tracker\.\w+)'/g);

  it('are all declared', () => {
    const used = occurrences(/'(tracker\.\w+)'|\bSET (?:LOCAL |SESSION )?(tracker\.\w+)/g);
    expect([...used.keys()].sort()).toEqual(settings.map(([name]) => name).sort());
  });

  it.each(settings)('%s is written and read in the declared files only', (name, declared) => {
    expect(written.get(name) ?? []).toEqual(declared.written);
    expect(read.get(name) ?? []).toEqual(declared.read.filter((path) => path !== 'sql/migrations'));
  });
});

describe('temporary tables', () => {
  const tables = [...DECLARED].filter(([name]) => !name.startsWith('tracker.'));

  it('are all declared', () => {
    const created = occurrences(/CREATE (?:LOCAL )?TEMP(?:ORARY)? TABLE (?:IF NOT EXISTS )?(\w+)/gi);
    expect([...created.keys()].sort()).toEqual(tables.map(([name]) => name).sort());
  });

  it.each(tables)('%s is used in the declared files only', (name, declared) => {
    const users = occurrences(new RegExp(`\\b(${name})\\b`, 'g')).get(name) ?? [];
    expect(users.filter((path) => path !== DECLARED_IN)).toEqual(declared.used);
  });
});
