import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { packagePath } from './database/sql-files.js';

type Arrows = Readonly<Record<string, readonly string[]>>;

const ALLOWED = createRequire(packagePath('package.json'))('./module-arrows.cjs') as Arrows;
const DOCUMENT = readFileSync(packagePath('docs/architecture.md'), 'utf8');
const ROOT = packagePath();

/** The name in module-arrows.cjs of the folder that a file belongs to. */
function folderOf(file: string): string {
  const [top = '', folder = ''] = relative(ROOT, file).split('/');
  if (top !== 'src') return top;
  if (!folder.endsWith('.ts')) return folder;
  return ['main.ts', 'cli.ts'].includes(folder) ? 'entry' : 'app';
}

/** Every import from one folder into another, as `from -> to`. */
function importedArrows(): Set<string> {
  const arrows = new Set<string>();
  for (const top of ['src', 'migrations']) {
    for (const name of readdirSync(packagePath(top), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts') || name.endsWith('.spec.ts') || name.includes('testing/')) continue;
      const file = packagePath(top, name);
      for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/\b(?:from|import)[ (]'(\.[^']+)'/g)) {
        const [from, to] = [folderOf(file), folderOf(join(dirname(file), path.replace(/\.js$/, '.ts')))];
        if (from !== to) arrows.add(`${from} -> ${to}`);
      }
    }
  }
  return arrows;
}

function sorted(arrows: Iterable<string>): string[] {
  return [...arrows].sort();
}

function allowedArrows(isShown: (folder: string) => boolean = () => true): string[] {
  return Object.entries(ALLOWED).flatMap(([from, imports]) =>
    imports.filter((to) => isShown(from) && isShown(to)).map((to) => `${from} -> ${to}`),
  );
}

/** The section of the document below a heading. */
function section(heading: string): string {
  const [, text = ''] = DOCUMENT.split(new RegExp(`^## ${heading}\n`, 'm'));
  return text.split(/^## /m, 1)[0] ?? '';
}

/** The arrows `a --> b & c` of the diagram in a section. */
function drawnArrows(heading: string): string[] {
  const names = (text: string): string[] => text.split('&').map((name) => name.trim());
  return [...section(heading).matchAll(/^ {2}(.+) --> (.+)$/gm)].flatMap(([, from = '', to = '']) =>
    names(from).flatMap((one) => names(to).map((other) => `${one} -> ${other}`)),
  );
}

/** The rows `| folder | purpose | imports |` of a section. */
function tableArrows(heading: string): Map<string, string[]> {
  const rows = section(heading).matchAll(/^\| `([\w-]+)` *\|[^|]*\|([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, folder = '', imports = '']) => [
      folder,
      [...imports.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name),
    ]),
  );
}

const base = tableArrows('Base modules');
const features = tableArrows('Features');
const entry = tableArrows('Entry points');

describe('module-arrows.cjs', () => {
  it('lists every folder of src', () => {
    const folders = readdirSync(packagePath('src'), { withFileTypes: true })
      .filter((item) => item.isDirectory())
      .map(({ name }) => name);
    expect(Object.keys(ALLOWED).sort()).toEqual(sorted([...folders, 'app', 'entry', 'migrations']));
  });

  it('allows exactly the imports that exist', () => {
    expect(sorted(allowedArrows())).toEqual(sorted(importedArrows()));
  });
});

describe('docs/architecture.md', () => {
  it('lists the imports of every folder', () => {
    expect(new Map([...base, ...features, ...entry])).toEqual(
      new Map(Object.entries(ALLOWED).map(([folder, imports]) => [folder, [...imports]])),
    );
  });

  it('draws every arrow between base modules', () => {
    expect(sorted(drawnArrows('Base modules'))).toEqual(
      sorted(allowedArrows((folder) => base.has(folder) && folder !== 'common')),
    );
  });

  it('draws every arrow between features', () => {
    expect(sorted(drawnArrows('Features'))).toEqual(sorted(allowedArrows((folder) => features.has(folder))));
  });

  it('names only existing relations and functions of the database in the diagram of the data flow', () => {
    const sql = readdirSync(packagePath('sql'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.sql'))
      .map((name) => readFileSync(packagePath('sql', name), 'utf8'))
      .join('\n');
    const names = section('How data flows').match(/\b[a-z]+(?:_[a-z]+)+\b/g) ?? [];
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(sql))).toEqual([]);
  });
});
