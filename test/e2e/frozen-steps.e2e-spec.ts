import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { packagePath } from '../../src/database/sql-files.js';
import { PROGRAM_VERSION } from '../../src/database/schema/program-version.js';
import { anyEngine } from '../support/engines.js';
import { type Ended, runCopy } from '../support/processes.js';
import { dumpSchema } from '../support/upgrade/schema-dump.js';
import { TestDatabase } from '../support/test-database.js';

const STEP_FILE = 'sql/migrations/0001/common/report_guards.sql';

/** Commands that change the schema, or plan to. */
const SCHEMA_COMMANDS = [
  ['migrate'],
  ['migrate', '--plan'],
  ['migrate', '--undo', '--drop-history'],
  ['move-engine'],
];

const VERSION = PROGRAM_VERSION.replaceAll('.', '\\.');

describe('the schema check', () => {
  let db: TestDatabase;
  const folder = mkdtempSync(join(tmpdir(), 'tracker-frozen-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    db = await TestDatabase.create(anyEngine());
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    for (const part of ['dist', 'sql', 'package.json']) {
      cpSync(packagePath(part), join(folder, part), { recursive: true });
    }
    symlinkSync(packagePath('node_modules'), join(folder, 'node_modules'));
  });
  afterEach(() => db.drop());

  const run = (...args: string[]): Promise<Ended> =>
    runCopy(folder, args, { DATABASE_URL: db.url, PORT: '0', GEOCODING_PROVIDER: 'off' });

  /** Checks that the schema commands (with `both`, the server too) fail with a one-line error and change nothing. */
  async function expectFailure(message: RegExp, by: 'migrate' | 'both'): Promise<void> {
    const before = await dumpSchema(db.url);
    const attempts = by === 'both' ? [await run()] : [];
    for (const command of SCHEMA_COMMANDS) attempts.push(await run(...command));
    for (const { code, stderr } of attempts) {
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/^ {4}at /m);
      expect(code).toBe(1);
    }
    expect(await dumpSchema(db.url)).toEqual(before);
  }

  it('names a released step that was edited', async () => {
    appendFileSync(join(folder, STEP_FILE), '-- a small change\n');
    await expectFailure(/BAD_CONFIGURATION: .*0001\/common\/report_guards\.sql was edited/, 'migrate');
  });

  it('names a missing file', async () => {
    rmSync(join(folder, STEP_FILE));
    await expectFailure(/BAD_CONFIGURATION: .*0001\/common\/report_guards\.sql is missing/, 'migrate');
  });

  it('names a file that was added to a released step', async () => {
    writeFileSync(join(folder, 'sql/migrations/0001/common/more.sql'), 'SELECT 1;\n');
    await expectFailure(/BAD_CONFIGURATION: .*0001\/common\/more\.sql is not in .*checksums\.txt/, 'migrate');
  });

  it('names the list of checksums when it is missing', async () => {
    rmSync(join(folder, 'sql/migrations/checksums.txt'));
    await expectFailure(/BAD_CONFIGURATION: .*checksums\.txt is missing/, 'migrate');
  });

  it('names an invalid version', async () => {
    await db.query(`UPDATE schema_version SET version = 'abc'`);
    await expectFailure(/BAD_CONFIGURATION: The table schema_version contains "abc"/, 'both');
  });

  it('names a step that has not run although a later one has', async () => {
    await db.query(`DELETE FROM schema_migrations WHERE name LIKE 'CreateGeocoding%'`);
    await expectFailure(
      /BAD_CONFIGURATION: The step CreateGeocoding1764000000011 has not run .* the later CreateApi/,
      'migrate',
    );
  });

  it('names a step that this database ran with other files', async () => {
    await db.query(`UPDATE schema_steps SET checksum = 'other' WHERE step = '0002'`);
    await expectFailure(/BAD_CONFIGURATION: This database ran other files as step 0002/, 'migrate');
  });

  it('rejects a database that needs a newer program, and names both versions', async () => {
    await db.query(`UPDATE schema_version SET version = '9.0.0', lowest_program = '8.1.0'`);
    await expectFailure(
      new RegExp(`BAD_CONFIGURATION: The database is at version 9\\.0\\.0, .*${VERSION}`),
      'both',
    );
  });

  it('accepts a newer database that allows this program, and does not migrate it', async () => {
    await db.query(`UPDATE schema_version SET version = '9.0.0', definitions = 'newer'`);
    await expectFailure(
      new RegExp(`newer than this program \\(${VERSION}\\): nothing was changed`),
      'migrate',
    );
    expect(await run('doctor')).toMatchObject({ stdout: expect.stringContaining('No problems.'), code: 0 });
  });

  it('names the command to run when the definitions differ', async () => {
    await db.query(`UPDATE schema_version SET definitions = 'older'`);
    const { code, stderr } = await run();
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Run: tracker migrate'),
    });
    expect((await run('migrate')).stdout).toContain('functions and views replaced');
    expect((await run('migrate')).stdout).toContain('nothing to do');
  });
});
