import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { type Ended, ROOT, runCli } from '../support/processes.js';
import { TestDatabase } from '../support/test-database.js';

const KEY = Buffer.alloc(32, 7).toString('base64');

describeOnEveryEngine('tracker trackers, devices and export', (engine) => {
  let db: TestDatabase;
  let folder = '';

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    folder = mkdtempSync(join(tmpdir(), 'commands-'));
  });
  afterAll(async () => {
    await db.drop();
    rmSync(folder, { recursive: true });
  });

  const run = (...args: string[]): Promise<Ended> => runCli(args, { DATABASE_URL: db.url });
  const runJson = async (...args: string[]): Promise<Record<string, unknown>> =>
    JSON.parse((await run(...args, '--json')).stdout) as Record<string, unknown>;

  it('adds trackers, with and without a key', async () => {
    const { tracker } = await runJson('trackers', 'add', '  Blue bag ', '--key', KEY);
    expect(tracker).toMatchObject({
      name: 'Blue bag',
      hashedAdvertisementKey: KEY,
      lastReportReceived: null,
    });
    const bike = await run('trackers', 'add', 'My bike');
    expect(bike).toMatchObject({ code: 0, stderr: '' });
    expect(bike.stdout).toMatch(/^added "My bike", id \d+\n$/);
  });

  it.each([
    [['trackers', 'add', 'My bike'], 'CONFLICT', 'Another tracker has this name'],
    [['trackers', 'add', ' '], 'BAD_USER_INPUT', 'name must not be blank'],
    [['trackers', 'add', 'x', '--key', 'short'], 'BAD_USER_INPUT', 'must be base64 of 32 bytes'],
    [['trackers', 'rename', 'nobody', 'x'], 'NOT_FOUND', 'There is no tracker named "nobody"'],
    [['trackers', 'rename', 'My bike', 'Blue bag'], 'CONFLICT', 'Another tracker has this name'],
    [['devices', 'assign', 'phone', 'nobody'], 'NOT_FOUND', 'There is no tracker named "nobody"'],
    [
      ['export', '--tracker', 'nobody', '--from', '2026-01-01', '-o', '/dev/null'],
      'NOT_FOUND',
      'no tracker named',
    ],
  ])('%j fails with %s', async (args, code, message) => {
    const ended = await run(...args, '--json');
    expect(JSON.parse(ended.stdout)).toMatchObject({
      error: { code, message: expect.stringContaining(message) },
    });
    expect(ended.stderr).toContain(`${code}: `);
    expect(ended.code).toBe(1);
  });

  it.each([
    [['trackers', 'add'], "missing required argument 'name'"],
    [['migrate', '--plan', '--undo'], "option '--plan' cannot be used with option '--undo'"],
    [['migrate', '--undo'], 'add --drop-history to confirm'],
    [['clock', '--force'], '--force needs --accept'],
    [['export', '--tracker', 'My bike', '--from', 'yesterday', '-o', 'x'], '--from must be a day'],
    [
      ['export', '--tracker', 'x', '--from', '2026-01-02', '--to', '2026-01-01', '-o', 'x'],
      'must be before --to',
    ],
    [['export', '--tracker', 'My bike', '--from', '2026-01-01'], '--json needs --output'],
    [['nonsense'], "unknown command 'nonsense'"],
  ])('%j is a usage error', async (args, message) => {
    const ended = await run(...args, '--json');
    expect(JSON.parse(ended.stdout)).toMatchObject({
      error: { code: 'BAD_USER_INPUT', message: expect.stringContaining(message) },
    });
    expect(ended.code).toBe(2);
  });

  it('renames and lists trackers', async () => {
    expect(await run('trackers', 'rename', 'Blue bag', 'Red bag')).toMatchObject({
      code: 0,
      stdout: 'renamed "Blue bag" to "Red bag"\n',
    });
    const { trackers } = await runJson('trackers', 'list');
    expect((trackers as { name: string }[]).map(({ name }) => name)).toEqual(['My bike', 'Red bag']);
    const { stdout } = await run('trackers', 'list', '--filter', 'RED');
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/)[1])).toEqual(['name', 'Red bag', undefined]);
  });

  it('assigns a device to a tracker, which then receives its reports', async () => {
    expect((await run('devices', 'assign', 'jane/phone', 'My bike')).stdout).toBe(
      'assigned "jane/phone" to "My bike"\n',
    );
    expect(await runJson('devices', 'list')).toMatchObject({
      devices: [{ device: 'jane/phone', tracker: 'My bike' }],
    });
    const timestamp = new Date(Date.now() - 60_000).toISOString();
    const report = JSON.stringify({ tracker: 'jane/phone', timestamp, latitude: 50, longitude: 8 });
    const imported = await runCli(['import', '-'], { DATABASE_URL: db.url }, report);
    expect(imported.stdout).toContain('1 read = 1 stored');
    expect((await run('devices', 'unassign', 'jane/phone')).stdout).toBe('"jane/phone" has no tracker now\n');
    expect(await runJson('devices', 'list')).toEqual({ devices: [] });
  });

  it('exports to standard output and to a file', async () => {
    const args = ['export', '--tracker', 'My bike', '--from', '2026-01-01', '--detail', 'reports'];
    const csv = await run(...args);
    expect(csv.stdout).toMatch(/^\ufefftracker,trackerId,timestamp,.*\r\nMy bike,/);
    expect(csv).toMatchObject({ code: 0, stderr: '' });
    const file = join(folder, 'bike.gpx');
    expect(await runJson(...args, '--format', 'gpx', '-o', file)).toMatchObject({ file, format: 'gpx' });
    expect(readFileSync(file, 'utf8')).toContain('<trkpt lat="50" lon="8">');
    const failed = await run(...args, '-o', join(folder, 'no/such/folder'));
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be written') });
  });

  it('exits without an error when its output pipe is closed', async () => {
    const child = spawn(process.execPath, [join(ROOT, 'dist/src/cli.js'), 'trackers', 'list'], {
      env: { PATH: process.env['PATH'], DATABASE_URL: db.url },
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.destroy();
    const [code] = (await once(child, 'close')) as [number];
    expect([code, stderr]).toEqual([0, '']);
  });
});

describe('tracker', () => {
  it('prints colours to a pipe only with FORCE_COLOR and without NO_COLOR', async () => {
    const escape = '\u001b[';
    const plain = await runCli(['migrate', '--undo'], {});
    expect(plain.stderr).not.toContain(escape);
    const forced = await runCli(['migrate', '--undo'], { FORCE_COLOR: '1' });
    expect(forced.stderr).toContain(`${escape}31m`);
    const disabled = await runCli(['migrate', '--undo'], { FORCE_COLOR: '1', NO_COLOR: '1' });
    expect(disabled.stderr).not.toContain(escape);
  });

  it.each(['bash', 'zsh', 'fish'])(
    'prints a %s completion script that calls tracker complete',
    async (shell) => {
      const { code, stdout } = await runCli(['completion', shell], {});
      expect(code).toBe(0);
      expect(stdout).toContain('complete --');
    },
  );

  it('completes in bash without running the typed text', () => {
    const folder = mkdtempSync(join(tmpdir(), 'completion-'));
    const lines = [
      `tracker() { '${process.execPath}' '${join(ROOT, 'dist/src/cli.js')}' "$@"; }`,
      'source <(tracker completion bash)',
      'COMP_WORDS=(tracker export --format n) COMP_CWORD=3; _tracker_complete; echo "${COMPREPLY[@]}"',
      'COMP_WORDS=(tracker import sche) COMP_CWORD=2; _tracker_complete; echo "${COMPREPLY[@]}"',
      `COMP_WORDS=(tracker '$(touch ${join(folder, 'run')})' '') COMP_CWORD=2; _tracker_complete`,
      `ls '${folder}'`,
    ];
    expect(execFileSync('bash', ['--norc', '-c', lines.join('\n')], { cwd: ROOT, encoding: 'utf8' })).toBe(
      'ndjson\nschema.gql\n',
    );
    rmSync(folder, { recursive: true });
  });

  it.each([
    [[''], ['import', 'trackers', 'completion']],
    [
      ['trackers', ''],
      ['add', 'list', 'rename'],
    ],
    [
      ['export', '--'],
      ['--tracker', '--format', '--detail'],
    ],
    [
      ['export', '--format', ''],
      ['csv', 'geojson', 'gpx', 'ndjson'],
    ],
    [['import', 'retry', '--reason', ''], ['unknown_tracker']],
  ])('completes %j from the definitions of the commands', async (words, expected) => {
    const { stdout } = await runCli(['complete', '--', ...words], {});
    const values = stdout.split('\n').map((line) => line.split('\t')[0]);
    expect(values).toEqual(expect.arrayContaining(expected));
  });

  it('loads no GraphQL in a worker role', () => {
    const program = `
      const { AppModule } = await import(${JSON.stringify(join(ROOT, 'dist/src/app.module.js'))});
      const { loadConfig } = await import(${JSON.stringify(join(ROOT, 'dist/src/config/app-config.js'))});
      const roles = process.argv[1];
      await AppModule.forRoot(loadConfig({ APP_ROLES: roles }), 'postgresql://127.0.0.1/x');
      const { default: Module } = await import('node:module');
      const loaded = Object.keys(Module._cache).filter((file) => /node_modules.(graphql|@apollo)/.test(file));
      console.log(loaded.length);`;
    const loadedIn = (roles: string): number =>
      Number(
        execFileSync(process.execPath, ['--input-type=module', '--eval', program, roles], {
          encoding: 'utf8',
        }),
      );
    expect(loadedIn('refresher,importer,geocoder')).toBe(0);
    expect(loadedIn('api')).toBeGreaterThan(100);
  });
});
