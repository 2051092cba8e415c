import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, parse, validate } from 'graphql';
import { buildProgram } from '../../src/cli/program.js';
import { packagePath } from '../../src/database/sql-files.js';
import { ERROR_CODES } from '../../src/common/errors/domain-error.js';
import { ENV_VARIABLES } from '../../src/config/env.schema.js';
import { commandProblems, commandsIn } from './commands.js';
import { DOCUMENTS } from './document.js';

/** Code span that is a path of the repository. */
const PATH = /^(?:\.ci|bench|docs|migrations|sql|src|systemd|test)\/[\w./*{},<>-]*$/;
const VARIABLE = /(?<![\w-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w-])/g;
/** Names of this form that are no settings of the product. */
const OTHER_NAMES = new Set([
  ...['TEST_DATABASE_URL', 'TEST_TIMESCALE_URL', 'TEST_ENGINE', 'TEST_REDIS_URL'],
  // Apollo's error codes, functions of PostGIS, a setting of psql, constants of the product
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

/** Expands `{a,b}`, and replaces `<number>` by `*`. */
function pathsOf(span: string): string[] {
  const [, before = '', choices, after = ''] = /^(.*?)\{(.*?)\}(.*)$/.exec(span) ?? [];
  if (choices !== undefined) return choices.split(',').flatMap((one) => pathsOf(`${before}${one}${after}`));
  return [span.replaceAll(/<[^>]*>/g, '*').replace(/\/$/, '')];
}

/** Whether a file or folder matches this path; `*` matches any part of a name, and `**` any folders. */
function exists(path: string): boolean {
  if (!path.includes('*')) return existsSync(packagePath(path));
  const folder = path.slice(0, path.indexOf('*')).replace(/[^/]*$/, '');
  const pattern = path
    .replaceAll(/[.+]/g, '\\$&')
    .replaceAll('**/', '(?:.+/)?')
    .replaceAll(/(?<!\()\*/g, '[^/]*');
  return readdirSync(packagePath(folder), { recursive: true }).some((name) =>
    new RegExp(`^${pattern}$`).test(`${folder}${String(name)}`),
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

  // A changelog names files and commands of earlier versions.
  const isChangelog = document.file === 'CHANGELOG.md';
  (isChangelog ? it.skip : it)(
    `names only files that exist${isChangelog ? ' [skipped: it names earlier ones]' : ''}`,
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
    const settings = new Set(ENV_VARIABLES.keys());
    const schema = readFileSync(packagePath('schema.gql'), 'utf8');
    const codes: readonly string[] = ERROR_CODES;
    const exported = new Set(
      document
        .blocks('sh')
        .flatMap(({ text }) => [...text.matchAll(/^export (\w+)=|^(\w+)=/gm)].map((set) => set[1] ?? set[2])),
    );
    const unknown = [...document.codeSpans(), ...document.blocks('sh', '').map(({ text }) => text)]
      .flatMap((text) => text.match(VARIABLE) ?? [])
      .filter((name) => !settings.has(name) && !OTHER_NAMES.has(name) && !exported.has(name))
      // Error codes and values of enums look like variables.
      .filter((name) => !new RegExp(`\\b${name}\\b`).test(schema) && !codes.includes(name));
    expect(unknown).toEqual([]);
  });

  (isChangelog ? it.skip : it)(
    `has only commands that exist${isChangelog ? ' [skipped: it names earlier ones]' : ''}`,
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

  it('has only valid JSON, and GraphQL that matches the schema', () => {
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

  it('list every error code', () => {
    const [, table = ''] = /\n## Errors\n(.*?)(?=\n## |$)/s.exec(read('docs/api.md')) ?? [];
    const rows = table.split('\n').map((row) => row.split('|')[1] ?? '');
    const codes = rows.flatMap((cell) => [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, code = '']) => code));
    expect(codes.filter((code) => !code.startsWith('GRAPHQL_')).sort()).toEqual([...ERROR_CODES].sort());
  });

  it('list every job with its schedule', () => {
    const [, table = ''] = /\n## Jobs\n(.*?)(?=\n## )/s.exec(read('docs/operations.md')) ?? [];
    const documented = [...table.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)].map(
      ([, name, when]) => `${name ?? ''}: ${when ?? ''}`,
    );
    const code = readdirSync(packagePath('src'), { recursive: true })
      .map(String)
      .filter((file) => file.endsWith('.cron.ts'))
      .flatMap((file) => [...read(`src/${file}`).matchAll(/name: '?(\w+)'?,\n\s+cron: '?([^',\n]+)/g)])
      // A constant is the name of its job in upper case.
      .map(([, name = '', cron = '']) => `${name.toLowerCase()}: ${inWords(cron)}`);
    expect(code.sort()).toEqual(documented.sort());
  });
});

/** Returns a schedule in the words of docs/operations.md. */
function inWords(cron: string): string {
  const [minute = '', hour = ''] = cron.split(' ');
  if (cron.startsWith('this.config.')) return `\`${cron.slice('this.config.'.length)}\``;
  if (minute === '*/10') return 'every ten minutes';
  if (hour === '*') return `every hour at minute ${minute}`;
  return `every day at ${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
}
