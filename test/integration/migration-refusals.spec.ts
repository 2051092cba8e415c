import { afterEach, expect, it } from '@jest/globals';
import { moveToTimescaledb } from '../../src/migration/engine-mover.js';
import { planMigration } from '../../src/migration/migrator.js';
import { describeOnEveryEngine, describeOnTimescale } from '../support/engines.js';
import { serverOf } from '../support/servers/database-servers.js';
import { dumpSchema, expectSameSchema } from '../support/upgrade/schema-dump.js';
import { TestDatabase } from '../support/test-database.js';
import { createVersion010 } from '../support/upgrade/version-0.1.0.js';

let db: TestDatabase | undefined;
afterEach(() => db?.drop());

describeOnEveryEngine('undoing migrations', (engine) => {
  it('is rejected if an object of another product depends on a table; the error names it, and nothing changes', async () => {
    db = await TestDatabase.create(engine);
    await db.queryOnNewConnection('CREATE TABLE theirs (tracker bigint REFERENCES trackers (id))');
    const before = await dumpSchema(db.url);
    await expect(db.undoMigrations()).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(/not of this product .* on table theirs depends on table trackers/),
    });
    expectSameSchema(await dumpSchema(db.url), before);
    await db.queryOnNewConnection('DROP TABLE theirs');
    expect(await db.undoMigrations()).toBeGreaterThan(12);
  });
});

describeOnEveryEngine('a database without an extension that it needs', (engine) => {
  const test = serverOf(engine)?.postgis === true ? it : it.skip;
  test('is reported by the plan, and needs an administrator (skipped if the server has no PostGIS)', async () => {
    db = await TestDatabase.create(engine, { empty: true });
    await db.administer('DROP EXTENSION IF EXISTS postgis CASCADE');
    expect((await planMigration(db.config, db.url)).extensions).toEqual(['postgis']);
    await expect(db.migrate()).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: expect.stringMatching(
        /^The extension postgis is missing, and the role \w+ may not create it\. Have an administrator run in the database "\w+": CREATE EXTENSION postgis;/,
      ),
    });
    expect(
      await db.queryOnNewConnection(`SELECT FROM pg_class WHERE relname IN ('trackers', 'history_state')`),
    ).toEqual([]);
  });
});

describeOnTimescale('moving to the timescaledb engine', () => {
  it('is rejected before an upgrade, and the error names the command', async () => {
    db = await createVersion010('timescaledb', { env: { HISTORY_ENGINE: 'postgresql' } });
    const before = await dumpSchema(db.url);
    await expect(moveToTimescaledb({ ...db.config, HISTORY_ENGINE: 'auto' }, db.url)).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: expect.stringMatching(/version 0\.1\.0, and this program is \S+ .*Run: tracker migrate/),
    });
    expectSameSchema(await dumpSchema(db.url), before);
  });
});
