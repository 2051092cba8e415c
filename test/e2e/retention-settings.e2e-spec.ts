import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { type Ended, RunningProduct, runCli } from '../support/processes.js';
import { maintain } from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

/**
 * Only the server shortens retention. A command may run in a shell without the server's settings; if it stored its own,
 * the next maintenance could remove history for good.
 */
describeOnEveryEngine('the retention of a database', (engine) => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await TestDatabase.create(engine, {
      env: {
        RAW_RETENTION_DAYS: '9',
        HOURLY_RETENTION_HOURS: '48',
        DAILY_RETENTION_DAYS: '1095',
        MAX_ACCURACY_METERS: '70.5',
      },
    });
    await db.register('kept');
    await db.query(`INSERT INTO location_reports (hashed_adv_key, timestamp, location)
      SELECT 'kept', now() - make_interval(days => age), ST_SetSRID(ST_MakePoint(7, 50), 4326)
      FROM unnest(ARRAY[20, 700]) AS age`);
    await db.settle(); // otherwise tracker doctor reports a problem
  });
  const maxAccuracy = (): Promise<number> => db.value('SELECT max_accuracy_meters FROM history_state');
  afterAll(() => db.drop());

  const run = (args: string[], env: Record<string, string> = {}, stdin = ''): Promise<Ended> =>
    runCli(args, { DATABASE_URL: db.url, ...env }, stdin);
  const days = async (): Promise<unknown> =>
    (
      await db.query(`SELECT raw_retention_hours / 24 AS raw, hourly_retention_hours AS hourly,
        daily_retention_hours / 24 AS daily FROM history_state`)
    )[0];

  it.each([
    ['doctor', ['doctor']],
    ['migrate', ['migrate']],
    ['import', ['import', '-']],
  ])('is not shortened by `%s` with other settings', async (_, args) => {
    const report = `{"hashedAdvKey":"kept","timestamp":${Date.now() / 1000},"latitude":1,"longitude":2}\n`;
    expect(await run(args, {}, report)).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/rror/) });
    expect(await days()).toEqual({ raw: 9, hourly: 48, daily: 1095 });
    expect(await maxAccuracy()).toBe(70.5);
    await maintain(db);
    expect(
      await db.value("SELECT min(bucket) < now() - interval '600 days' FROM location_history_days"),
    ).toBe(true);
  });

  it('is extended by an import with a longer retention', async () => {
    const old = `{"hashedAdvKey":"kept","timestamp":${Date.now() / 1000 - 1200 * 86_400},"latitude":1,"longitude":2}\n`;
    expect((await run(['import', '-'], {}, old)).stdout).toContain('rejected as older_than_retention: 1');
    expect((await run(['import', '-'], { DAILY_RETENTION_DAYS: '1500' }, old)).stdout).toContain('1 late');
    expect(await days()).toEqual({ raw: 9, hourly: 48, daily: 1500 });
  });

  it('is set by the server when it starts', async () => {
    const server = RunningProduct.server({
      DATABASE_URL: db.url,
      PORT: '0',
      DAILY_RETENTION_DAYS: '730',
      MAX_ACCURACY_METERS: '500',
    });
    try {
      await server.address();
      expect(await days()).toEqual({ raw: 2, hourly: 24, daily: 730 });
      expect(await maxAccuracy()).toBe(500);
    } finally {
      await server.end('SIGTERM');
    }
  });
});
