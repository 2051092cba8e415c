import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/app-config.js';
import { APP_ROLES, ENV_VARIABLES } from '../../src/config/env.schema.js';
import { packagePath } from '../../src/database/sql-files.js';

interface Unit {
  name: string;
  text: string;
  /** Every value of a setting, in the order of the file. */
  all: (setting: string) => string[];
  /** The only value of a setting. */
  only: (setting: string) => string;
  /** Variables that `Environment=` sets. */
  environment: Record<string, string>;
}

function readUnit(name: string): Unit {
  const text = readFileSync(packagePath('systemd', name), 'utf8');
  const all = (setting: string): string[] =>
    [...text.matchAll(new RegExp(`^${setting}=(.*)$`, 'gm'))].map(([, value = '']) => value);
  const only = (setting: string): string => {
    expect(all(setting)).toHaveLength(1);
    return all(setting)[0] as string;
  };
  const variables = all('Environment')
    .flatMap((line) => line.split(' '))
    .map((pair) => pair.split('='));
  return { name, text, all, only, environment: Object.fromEntries(variables) as Record<string, string> };
}

const UNITS = readdirSync(packagePath('systemd'))
  .filter((name) => name.endsWith('.service'))
  .map(readUnit);
const SETTINGS = readFileSync(packagePath('systemd', 'tracker.env.example'), 'utf8');
const GUIDE = readFileSync(packagePath('docs/deploying.md'), 'utf8');

/** The variables of an environment file. */
function variablesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}

/** Folder of systemd's own units, because the product's units are ordered after some of them. */
const SYSTEM_UNITS = ['/usr/lib/systemd/system', '/lib/systemd/system'].find((folder) => existsSync(folder));
const obstacle =
  spawnSync('systemd-analyze', ['--version']).status !== 0
    ? 'systemd-analyze is not installed (Debian: systemd)'
    : SYSTEM_UNITS === undefined && "systemd's own units are not installed";

describe('the systemd units', () => {
  it('run each role in one unit, each unit on its own port', () => {
    expect(UNITS.map(({ name }) => name)).toEqual([
      'location-history-refresher.service',
      'tracker-api.service',
      'tracker-report-fetcher.service',
    ]);
    const roles = UNITS.flatMap(({ environment }) => environment['APP_ROLES']?.split(',') ?? []);
    expect(roles.sort()).toEqual([...APP_ROLES].sort());
    expect(new Set(UNITS.map(({ environment }) => environment['PORT'])).size).toBe(UNITS.length);
  });

  it.each(UNITS)(
    '$name has settings that the product accepts, together with the example',
    ({ environment }) => {
      const example = variablesOf(SETTINGS);
      expect([...ENV_VARIABLES.keys()]).toEqual(expect.arrayContaining(Object.keys(example)));
      expect(Object.keys(example)).not.toContain('PORT');
      expect(Object.keys(example)).not.toContain('APP_ROLES');
      const config = loadConfig({ ...environment, ...example });
      expect(config.APP_ROLES.join()).toBe(environment['APP_ROLES']);
      expect(String(config.PORT)).toBe(environment['PORT']);
      expect(config.DATABASE_URL).toBeDefined();
    },
  );

  it.each(UNITS)('$name runs files of the build', ({ all, only }) => {
    const commands = [...all('ExecStartPre'), only('ExecStart')];
    for (const command of commands) {
      const [program, option, script = ''] = command.split(' ');
      expect([program, option]).toEqual(['/usr/bin/node', '--enable-source-maps']);
      expect(existsSync(packagePath(script))).toBe(true);
    }
    expect(GUIDE).toContain(`sudo mkdir -p ${only('WorkingDirectory')}`);
    expect(GUIDE).toContain(only('EnvironmentFile'));
  });

  it.each(UNITS)('$name is killed only after the time-out of an orderly stop', ({ only }) => {
    const source = readFileSync(packagePath('src/process.ts'), 'utf8');
    const [, drain = ''] = /STOP_TIMEOUT_MS = ([\d_]+)/.exec(source) ?? [];
    expect(Number(only('TimeoutStopSec')) * 1000).toBeGreaterThan(Number(drain.replaceAll('_', '')));
    expect(Number(drain.replaceAll('_', ''))).toBeGreaterThan(0);
    expect([only('Type'), only('KillSignal'), only('Restart')]).toEqual(['exec', 'SIGTERM', 'on-failure']);
  });

  it('migrate the database in one unit, after which the others start', () => {
    const migrating = UNITS.filter(({ text }) => /^ExecStartPre=.* migrate$/m.test(text));
    expect(migrating.map(({ name }) => name)).toEqual(['tracker-api.service']);
    for (const unit of UNITS.filter(({ name }) => name !== 'tracker-api.service')) {
      expect(unit.only('After').split(' ')).toContain('tracker-api.service');
    }
  });

  it.each(UNITS)('$name is installed by the documented steps', ({ name }) => {
    expect(GUIDE).toContain(`sudo cp systemd/${name} /etc/systemd/system/\n`);
    for (const step of ['enable', 'start']) {
      expect(GUIDE).toMatch(
        new RegExp(`^sudo systemctl ${step} .*\\b${name.replace('.service', '')}\\b`, 'm'),
      );
    }
  });
});

const withSystemd = obstacle === false ? describe : (describe.skip as typeof describe);

/** Installs units, program and working directory at their real paths, below a temporary root. */
withSystemd(`systemd-analyze${obstacle ? ` [skipped: ${obstacle}]` : ''}`, () => {
  const root = mkdtempSync(join(tmpdir(), 'systemd-root-'));
  const inRoot = (...path: string[]): string => join(root, ...path);

  beforeAll(() => {
    const folders = ['etc/systemd/system', 'usr/bin', 'usr/lib/systemd', 'opt/tracker-location-history'];
    for (const folder of folders) mkdirSync(inRoot(folder), { recursive: true });
    symlinkSync('usr/lib', inRoot('lib'));
    const system = inRoot('usr/lib/systemd/system');
    cpSync(SYSTEM_UNITS as string, system, { recursive: true, verbatimSymlinks: true });
  });
  beforeEach(() => {
    for (const { name, text } of UNITS) writeFileSync(inRoot('etc/systemd/system', name), text);
    writeFileSync(inRoot('usr/bin/node'), '#!/bin/sh\n', { mode: 0o755 });
  });
  afterAll(() => rmSync(root, { recursive: true }));

  function analyze(...args: string[]): { status: number | null; output: string } {
    const env = { ...process.env, LC_ALL: 'C.UTF-8' };
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8', env });
    return { status, output: `${stdout}${stderr}` };
  }
  const verify = (name: string): ReturnType<typeof analyze> =>
    analyze('verify', '--man=no', '--recursive-errors=no', `--root=${root}`, name);

  it.each(UNITS)('verifies $name without a warning', ({ name }) => {
    expect(verify(name)).toEqual({ status: 0, output: '' });
  });

  it.each(UNITS)('reports a missing program of $name', ({ name }) => {
    rmSync(inRoot('usr/bin/node'));
    const { status, output } = verify(name);
    expect(output).toContain('Command /usr/bin/node is not executable');
    expect(status).not.toBe(0);
  });

  it.each(UNITS)('reports a misspelt setting of $name', ({ name, text }) => {
    writeFileSync(inRoot('etc/systemd/system', name), text.replace('\nRestart=', '\nRestrat='));
    expect(verify(name).output).toMatch(/Unknown key .*'Restrat'/);
  });

  it.each(UNITS)('rates the exposure of $name as low', ({ name }) => {
    // The threshold is in tenths of the scale from 0 to 10. A service without hardening has more than 90.
    const rated = analyze(
      'security',
      '--offline=yes',
      '--threshold=20',
      '--no-pager',
      `--root=${root}`,
      name,
    );
    expect(rated.output).toContain('Overall exposure level');
    expect(rated.status).toBe(0);
  });
});
