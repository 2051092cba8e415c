import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../support/processes.js';
import { TestDatabase } from '../support/test-database.js';

/** Restoring a dump without --create loses the settings of the database (ALTER DATABASE … SET). */
describe('a database that was restored from a dump', () => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await TestDatabase.create('postgresql');
    await db.query(`ALTER DATABASE ${db.name} RESET search_path`);
  });
  afterAll(() => db.drop());

  it('is rejected, and the message names the command to run', async () => {
    const { code, stderr } = await runCli(['doctor'], { DATABASE_URL: db.url });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^BAD_CONFIGURATION: .*tracker_compat.*Run: tracker migrate/m);
  });

  it('works after tracker migrate', async () => {
    expect(await runCli(['migrate'], { DATABASE_URL: db.url })).toMatchObject({ code: 0 });
    expect(await runCli(['doctor'], { DATABASE_URL: db.url })).toMatchObject({ code: 0 });
  });
});
