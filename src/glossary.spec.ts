import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
} from 'graphql';
import { packagePath } from './database/sql-files.js';

/** The terms that the glossary must explain. */
const REQUIRED_TERMS = [
  'Report', 'Tracker', 'Device', 'Bucket', 'Layer', 'Horizon', 'Cut', 'Watermark', 'Late report', 'Ledger', 'Quarantine',
  'Lease', 'Slot', 'Role', 'Marker', 'Rejection', 'Import run', 'Engine', 'Spatial layer', 'Identity of a report',
  'Agreed time', 'Announcement', 'Cell', 'Imprecise report', 'Hashed advertisement key',
]; // prettier-ignore

const KINDS = ['SQL', 'Code', 'API'] as const;
type Kind = (typeof KINDS)[number];

interface Term {
  name: string;
  meaning: string;
  names: Readonly<Record<Kind, string[]>>;
}

/** The entries of docs/glossary.md: a heading of level 3, a meaning, and a list of names by kind. */
function readTerms(): Term[] {
  const entries = readFileSync(packagePath('docs/glossary.md'), 'utf8').split(/^### /m).slice(1);
  return entries.map((entry) => {
    const [name = '', ...lines] = entry.replace(/^## [^]*/m, '').split('\n');
    const namesOf = (kind: Kind): string[] => {
      const line = lines.find((text) => text.startsWith(`- ${kind}: `)) ?? '';
      return [...line.matchAll(/`([^`]+)`/g)].map(([, found = '']) => found);
    };
    return {
      name,
      meaning: lines.filter((line) => line !== '' && !line.startsWith('- ')).join(' '),
      names: { SQL: namesOf('SQL'), Code: namesOf('Code'), API: namesOf('API') },
    };
  });
}

/** The text of all files with this ending in a folder, without specs. */
function textOf(folder: string, ending: string): string {
  return readdirSync(packagePath(folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending) && !file.endsWith(`.spec${ending}`))
    .map((file) => readFileSync(join(packagePath(folder), file), 'utf8'))
    .join('\n');
}

const withoutComments = (sql: string): string => sql.replaceAll(/--.*$/gm, '');

/** Types, `Type.field`, `Type.field.argument` and `Enum.VALUE` of the schema. */
function namesOfSchema(): Set<string> {
  const names = new Set<string>();
  for (const type of Object.values(
    buildSchema(readFileSync(packagePath('schema.gql'), 'utf8')).getTypeMap(),
  )) {
    if (isScalarType(type)) continue;
    names.add(type.name);
    if (isEnumType(type)) for (const { name } of type.getValues()) names.add(`${type.name}.${name}`);
    if (isInputObjectType(type))
      for (const name of Object.keys(type.getFields())) names.add(`${type.name}.${name}`);
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      names.add(`${type.name}.${field.name}`);
      for (const argument of field.args) names.add(`${type.name}.${field.name}.${argument.name}`);
    }
  }
  return names;
}

const TERMS = readTerms();
const all = (kind: Kind): [term: string, name: string][] =>
  TERMS.flatMap(({ name, names }) => names[kind].map((found): [string, string] => [name, found]));

describe('docs/glossary.md', () => {
  it('explains every term in at most four sentences and lists its names', () => {
    expect(TERMS.map(({ name }) => name)).toEqual(expect.arrayContaining(REQUIRED_TERMS));
    for (const { name, meaning, names } of TERMS) {
      const sentences = meaning.split(/(?<=[.)])\s+(?=[A-Z"`(])/).length;
      expect({ name, fits: meaning.length > 20 && sentences <= 4 }).toEqual({ name, fits: true });
      expect({ name, found: KINDS.flatMap((kind) => names[kind]).length > 0 }).toEqual({ name, found: true });
    }
  });

  it.each(KINDS)('lists no name under two terms: %s', (kind) => {
    const names = all(kind).map(([, name]) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it('lists only existing tables, columns and functions of the SQL', () => {
    const sql = withoutComments(textOf('sql', '.sql'));
    expect(all('SQL').filter(([, name]) => !new RegExp(`\\b${name}\\b`).test(sql))).toEqual([]);
  });

  it('lists only existing identifiers of the code', () => {
    const code = textOf('src', '.ts').replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '');
    expect(
      all('Code').filter(([, name]) => !new RegExp(`\\b${name.replace('.', '\\.')}\\b`).test(code)),
    ).toEqual([]);
  });

  it('lists only existing types, fields, arguments and values of the API', () => {
    const schema = namesOfSchema();
    expect(all('API').filter(([, name]) => !schema.has(name))).toEqual([]);
  });
});
