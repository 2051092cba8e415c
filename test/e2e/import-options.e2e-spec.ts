import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { ImportScene } from '../support/scenes/import-scene.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { type Ended, runCli } from '../support/processes.js';
import { expectHistoryOf } from '../support/history.js';

describeOnEveryEngine('options of tracker import', (engine) => {
  const scene = new ImportScene(engine, { tracker: 'bee' });
  let folder = '';
  let file = '';
  let reports: TestReport[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'import-options-'));
    file = join(folder, 'walk.ndjson');
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach(() => {
    reports = [0, 1, 2].map((i) => ({
      key: scene.key,
      at: new Date(at(scene.today, -1, '06:00:00').getTime() + i * 1000 + (Date.now() % 1000)),
      latitude: 50 + i,
      longitude: 8,
    }));
    const lines = reports.map(({ at: timestamp, latitude, longitude }) =>
      JSON.stringify({ tracker: 'the watch', timestamp, latitude, longitude }),
    );
    writeFileSync(file, [...lines, 'garbage'].join('\n'));
  });

  const run = (...args: string[]): Promise<Ended> =>
    runCli(['import', ...args], { DATABASE_URL: scene.db.url });

  it('--map assigns names in the file to trackers; other names can be retried later', async () => {
    const unknown = await run(file, '--json');
    expect(unknown.code).toBe(0);
    const ledger = JSON.parse(unknown.stdout) as { runId: string };
    expect(ledger).toMatchObject({
      file,
      format: 'ndjson',
      read: 4,
      stored: 0,
      rejected: 4,
      rejections: [
        { reason: 'unknown_tracker', reports: 3, kept: 3, message: 'there is no tracker named "the watch"' },
        { reason: 'undecodable', reports: 1 },
      ],
    });

    const mapped = await run(file, '--map', 'the watch=bee', '--map', 'x=bee');
    expect(mapped.stdout).toContain(`${file}: 4 read = 3 stored + 0 late + 0 duplicate + 1 rejected\n`);
    await expectHistoryOf(scene.db, reports);

    const retried = await run('retry', '--run', ledger.runId, '--tracker', 'bee');
    expect(retried.stdout).toBe('retry: 3 read = 0 stored + 0 late + 3 duplicate + 0 rejected\n');
    expect(retried.stderr).toBe('retry: 3 reports read\n');
    expect(retried.code).toBe(0);
    const again = await run('retry', '--reason', 'unknown_tracker', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ file: 'retry', read: 0 });
    await expectHistoryOf(scene.db, reports);
  });

  it('--dry-run stores nothing, and prints what an import would do', async () => {
    const { code, stdout } = await run(file, '--map', 'the watch=bee', '--dry-run');
    expect(stdout).toBe(
      `${file}: 4 read = 3 stored + 0 late + 0 duplicate + 1 rejected (dry run: nothing is stored)\n` +
        '  rejected as undecodable: 1 (first at line 4: the line is not JSON: ' +
        `${/line is not JSON: (.*)\)/.exec(stdout)?.[1] ?? ''})\n`,
    );
    expect(code).toBe(0);
    expect(await scene.db.query('SELECT FROM import_runs')).toEqual([]);
    await expectHistoryOf(scene.db, []);
  });

  it.each([
    [['--map', 'bee'], 2, /must be a device name in the file, "=", and the name of a tracker/],
    [['--map', '=bee'], 2, /must be a device name in the file/],
    [['--map', 'watch=nobody'], 1, /NOT_FOUND: There is no tracker named "nobody"/],
    [['--json', '--tracker', 'nobody'], 1, /NOT_FOUND/],
  ])('%j is rejected', async (options, code, expectedError) => {
    const ended = await run(file, ...options);
    expect(ended.stderr).toMatch(expectedError);
    expect(ended.code).toBe(code);
    if (options[0] === '--json') {
      expect(JSON.parse(ended.stdout)).toMatchObject({
        file,
        error: { code: 'NOT_FOUND', argument: 'tracker' },
      });
    }
  });

  it('retry rejects an unknown reason', async () => {
    const ended = await run('retry', '--reason', 'nonsense');
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('unknown_tracker') });
  });

  it('retry rejects an unknown run', async () => {
    const ended = await run('retry', '--run', '123456789');
    expect(ended.stderr).toContain('NOT_FOUND: There is no import run with id 123456789');
    expect(ended.code).toBe(1);
  });
});
