import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { getMetadataStorage } from 'class-validator';
import { packagePath } from '../database/sql-files.js';
import { ENV_VARIABLES, ENVIRONMENT_GROUPS } from './env.schema.js';

interface Documented {
  name: string;
  /** Text of the default; empty for a variable without one. */
  default: string;
  description: string;
}

const defaults = Object.assign({}, ...ENVIRONMENT_GROUPS.map((Group) => new Group())) as Readonly<
  Record<string, string | number | undefined>
>;
const EXPECTED: Documented[] = [...ENV_VARIABLES].map(([name, { description }]) => ({
  name,
  default: String(defaults[name] ?? ''),
  description,
}));

/** The rows of the table with the columns Variable, Default and Description. */
function documentedTable(): Documented[] {
  const text = readFileSync(packagePath('docs/configuration.md'), 'utf8');
  const [, table = ''] =
    /^\| *Variable *\| *Default *\| *Description *\|\n\| *-[-| ]*\|\n((?:\|.*\n)*)/m.exec(text) ?? [];
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [, name = '', value = '', description = ''] = line.split('|').map((cell) => cell.trim());
      return {
        name: name.replaceAll('`', ''),
        default: value.replace('not set', '').replaceAll('`', ''),
        description,
      };
    });
}

/** The variables of .env.example: a comment of one or more lines, then NAME=default, quoted if a shell needs that. */
function exampleFile(): Documented[] {
  const example = readFileSync(packagePath('.env.example'), 'utf8');
  return [...example.matchAll(/((?:^#.*\n)+)^(\w+)=(.*)$/gm)].map(
    ([, comment = '', name = '', value = '']) => ({
      name,
      default: value.replace(/^'(.*)'$/, '$1'),
      description: comment.replaceAll(/^# ?/gm, '').trim().replaceAll('\n', ' '),
    }),
  );
}

describe('the documentation of the configuration', () => {
  it('covers every property of the classes', () => {
    expect(EXPECTED.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(defaults)));
    expect(EXPECTED.length).toBeGreaterThan(10);
  });

  it('names the limits of every number', () => {
    const rules = ENVIRONMENT_GROUPS.flatMap((group) =>
      getMetadataStorage().getTargetValidationMetadatas(group, '', true, false),
    );
    const limit = (variable: string, name: string): unknown =>
      rules.find((rule) => rule.propertyName === variable && rule.name === name)?.constraints[0];
    const numbers = EXPECTED.filter(({ name }) => typeof defaults[name] === 'number');
    expect(numbers.length).toBeGreaterThan(5);
    for (const { name, description } of numbers) {
      const limits = new RegExp(`\\(${String(limit(name, 'min'))} to ${String(limit(name, 'max'))}[);]`);
      expect({ name, description }).toEqual({ name, description: expect.stringMatching(limits) });
    }
  });

  it('repeats the descriptions of the classes in docs/configuration.md, in the same order', () => {
    expect(documentedTable()).toEqual(EXPECTED);
  });

  it('repeats the descriptions of the classes in .env.example, in the same order', () => {
    expect(exampleFile()).toEqual(EXPECTED);
  });

  it('has a .env.example that a shell reads as it is meant', () => {
    const loaded = execFileSync('sh', ['-euc', 'set -a; . "$0"; env -0', packagePath('.env.example')], {
      env: {},
    });
    const variables: Record<string, string | undefined> = Object.fromEntries(
      loaded
        .toString()
        .split('\0')
        .map((line) => line.split(/=(.*)/s, 2) as [string, string]),
    );
    for (const { name, default: value } of EXPECTED) expect([name, variables[name]]).toEqual([name, value]);
  });
});
