import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { type Ended, runCli } from '../support/processes.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('tracker import of a missing file', (engine) => {
  let db: TestDatabase;
  let folder = '';
  let good = '';
  let missing = '';

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    await db.register('bee');
    folder = mkdtempSync(join(tmpdir(), 'import-missing-'));
    missing = join(folder, 'missing.ndjson');
    good = join(folder, 'good.ndjson');
    const report = { tracker: 'bee', timestamp: new Date().toISOString(), latitude: 1, longitude: 2 };
    writeFileSync(good, JSON.stringify(report));
  });
  beforeEach(async () => {
    await db.query('DELETE FROM location_reports');
  });
  afterAll(async () => {
    await db.drop();
    rmSync(folder, { recursive: true });
  });

  const run = (...args: string[]): Promise<Ended> => runCli(['import', ...args], { DATABASE_URL: db.url });
  const stored = (): Promise<number> => db.value<number>('SELECT count(*) FROM location_reports');
  const expectedError = (): string =>
    `BAD_USER_INPUT: ${missing} cannot be read: ENOENT: no such file or directory, open '${missing}'\n`;

  // With --tracker, opening the file fails before anything reads it, because the tracker is looked up first.
  it.each([[['--tracker', 'bee']], [[]]])(
    'prints one line, exits with 1 and imports nothing: %j',
    async (options) => {
      expect(await run(missing, ...options)).toMatchObject({ code: 1, stdout: '', stderr: expectedError() });
      expect(await stored()).toBe(0);
    },
  );

  it('continues with the next file, and still exits with 1', async () => {
    expect(await run(missing, good)).toMatchObject({
      code: 1,
      stdout: `${good}: 1 read = 1 stored + 0 late + 0 duplicate + 0 rejected\n`,
      stderr: `${expectedError()}${good}: 1 report read\n`,
    });
    expect(await stored()).toBe(1);
  });
});
