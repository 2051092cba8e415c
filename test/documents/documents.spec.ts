import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, parse, validate } from 'graphql';
import { buildProgram } from '../../src/cli/program.js';
import { packagePath } from '../../src/database/sql-files.js';
import { ERROR_CODES } from '../../src/common/errors/domain-error.js';
import { ENV_VARIABLES } from '../../src/config/env.schema.js';
import { commandProblems, commandsIn } from './commands.js';
import { DOCUMENTS } from './document.js';

/** Folders whose files documents name by their path. */
const PATH = /^(?:\.ci|bench|docs|migrations|sql|src|systemd|test)\/[\w./*{},<>-]*$/;
const VARIABLE = /(?<![\w-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w-])/g;
/** Names of this form that are not settings of the product. */
const OTHER_NAMES = new Set([
  ...['TEST_DATABASE_URL', 'TEST_TIMESCALE_URL', 'TEST_ENGINE', 'TEST_REDIS_URL'],
  // Apollo's error codes, functions of PostGIS, a setting of psql, constants of ours
  ...[
    'GRAPHQL_PARSE_FAILED',
    'GRAPHQL_VALIDATION_FAILED',
    'ST_X',
    'ST_Y',
    'ON_ERROR_STOP',
    'LOWEST_PROGRAM',
    'REJECTION_REASONS',
  ],
  ...['BENCH_DATABASE_URL', 'POSTGRES_PASSWORD', 'POSTGRES_PORT', 'NO_COLOR', 'FORCE_COLOR', 'NODE_ENV'],
]);

/** Expands `{a,b}`, and has `<number>` stand for anything. */
function pathsOf(span: string): string[] {
  const [, before = '', choices, after = ''] = /^(.*?)\{(.*?)\}(.*)$/.exec(span) ?? [];
  if (choices !== undefined) return choices.split(',').flatMap((one) => pathsOf(`${before}${one}${after}`));
  return [span.replaceAll(/<[^>]*>/g, '*').replace(/\/$/, '')];
}

/** Whether there is a file or folder at this path, in which `*` stands for any part of a name and `**` for folders. */
function exists(path: string): boolean {
  if (!path.includes('*')) return existsSync(packagePath(path));
  const folder = path.slice(0, path.indexOf('*')).replace(/[^/]*$/, '');
  const form = path
    .replaceAll(/[.+]/g, '\\$&')
    .replaceAll('**/', '(?:.+/)?')
    .replaceAll(/(?<!\()\*/g, '[^/]*');
  return readdirSync(packagePath(folder), { recursive: true }).some((name) =>
    new RegExp(`^${form}$`).test(`${folder}${String(name)}`),
  );
}

describe.each(DOCUMENTS.map((document) => ({ file: document.file, document })))('$file', ({ document }) => {
  it('links only to files and headings that exist', () => {
    const broken = document
      .links()
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [target = '', anchor] = link.split('#');
        const linked =
          target === '' ? document : DOCUMENTS.find(({ file }) => file === document.resolve(target));
        const isThere = target === '' || existsSync(packagePath(document.resolve(target)));
        return !isThere || (anchor !== undefined && !linked?.anchors().includes(anchor));
      });
    expect(broken).toEqual([]);
  });

  // A changelog names what once was there.
  const isHistory = document.file === 'CHANGELOG.md';
  (isHistory ? it.skip : it)(
    `names only files that exist${isHistory ? ' [skipped: it is history]' : ''}`,
    () => {
      const missing = document
        .codeSpans()
        .filter((span) => PATH.test(span))
        .flatMap(pathsOf)
        .filter((path) => !exists(path));
      expect(missing).toEqual([]);
    },
  );

  it('names only variables that exist', () => {
    const known = new Set(ENV_VARIABLES.keys());
    const schema = readFileSync(packagePath('schema.gql'), 'utf8');
    const codes: readonly string[] = ERROR_CODES;
    const own = new Set(
      document
        .blocks('sh')
        .flatMap(({ text }) => [...text.matchAll(/^export (\w+)=|^(\w+)=/gm)].map((set) => set[1] ?? set[2])),
    );
    const unknown = [...document.codeSpans(), ...document.blocks('sh', '').map(({ text }) => text)]
      .flatMap((text) => text.match(VARIABLE) ?? [])
      .filter((name) => !known.has(name) && !OTHER_NAMES.has(name) && !own.has(name))
      // Error codes and values of enums look like variables.
      .filter((name) => !new RegExp(`\\b${name}\\b`).test(schema) && !codes.includes(name));
    expect(unknown).toEqual([]);
  });

  (isHistory ? it.skip : it)(
    `has only commands that exist${isHistory ? ' [skipped: it is history]' : ''}`,
    () => {
      const program = buildProgram();
      const scripts = Object.keys(
        (JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { scripts: Record<string, string> })
          .scripts,
      );
      const texts = [...document.codeSpans(), ...document.blocks('sh', '').map(({ text }) => text)];
      expect(texts.flatMap(commandsIn).flatMap((words) => commandProblems(words, program, scripts))).toEqual(
        [],
      );
    },
  );

  it('has only GraphQL that fits the schema, and valid JSON', () => {
    const schema = buildSchema(readFileSync(packagePath('schema.gql'), 'utf8'));
    const errors = document
      .blocks('graphql')
      .flatMap(({ text, line }) =>
        validate(schema, parse(text)).map(({ message }) => `line ${line}: ${message}`),
      );
    expect(errors).toEqual([]);
    for (const { text } of document.blocks('json')) expect(() => JSON.parse(text) as unknown).not.toThrow();
  });
});

describe('the tables of the guides', () => {
  const read = (file: string): string => readFileSync(packagePath(file), 'utf8');

  it('of error codes have each code', () => {
    const [, table = ''] = /\n## Errors\n(.*?)(?=\n## |$)/s.exec(read('docs/api.md')) ?? [];
    const rows = table.split('\n').map((row) => row.split('|')[1] ?? '');
    const codes = rows.flatMap((cell) => [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, code = '']) => code));
    expect(codes.filter((code) => !code.startsWith('GRAPHQL_')).sort()).toEqual([...ERROR_CODES].sort());
  });

  it('of jobs have each job, with its schedule', () => {
    const [, table = ''] = /\n## Jobs\n(.*?)(?=\n## )/s.exec(read('docs/operations.md')) ?? [];
    const documented = [...table.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)].map(
      ([, name, when]) => `${name ?? ''}: ${when ?? ''}`,
    );
    const code = readdirSync(packagePath('src'), { recursive: true })
      .map(String)
      .filter((file) => file.endsWith('.cron.ts'))
      .flatMap((file) => [...read(`src/${file}`).matchAll(/name: '?(\w+)'?,\n\s+cron: '?([^',\n]+)/g)])
      // A constant has the name in lower case.
      .map(([, name = '', cron = '']) => `${name.toLowerCase()}: ${inWords(cron)}`);
    expect(code.sort()).toEqual(documented.sort());
  });
});

/** A schedule as docs/operations.md writes it. */
function inWords(cron: string): string {
  const [minute = '', hour = ''] = cron.split(' ');
  if (cron.startsWith('this.config.')) return `\`${cron.slice('this.config.'.length)}\``;
  if (minute === '*/10') return 'every ten minutes';
  if (hour === '*') return `every hour at minute ${minute}`;
  return `every day at ${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
}
