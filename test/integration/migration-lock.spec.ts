import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type pg from 'pg';
import { migrate, planMigration } from '../../src/migration/migrator.js';
import { MIGRATION_LOCK, MIGRATION_SESSION_LOCK } from '../../src/migration/migration-lock.js';
import { administratorUrl, connectTo } from '../support/servers/database-servers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('the lock of a migration', (engine) => {
  let db: TestDatabase;
  let holder: pg.Client;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    holder = await connectTo(db.url);
    await holder.query(`SET application_name = 'an other migration'`);
  });
  afterAll(async () => {
    await holder.end();
    await db.drop();
  });

  const HOLDER =
    /process \d+ \(an other migration, user \S+, client 127\.0\.0\.1, session since [\d-]+ [\d:]+ UTC, idle since [\d:]+ UTC\)/;

  async function whileHeld(lock: number, work: () => Promise<void>): Promise<void> {
    await holder.query('SELECT pg_advisory_lock($1)', [lock]);
    try {
      await work();
    } finally {
      await holder.query('SELECT pg_advisory_unlock($1)', [lock]);
    }
  }

  it.each([
    ['the first', MIGRATION_LOCK],
    ['the second', MIGRATION_SESSION_LOCK],
  ])(
    'is waited for no longer than allowed, and the error names its holder (%s of its two locks)',
    async (_which, lock) => {
      const lines: string[] = [];
      await whileHeld(lock, async () => {
        const began = performance.now();
        await expect(migrate(db.config, db.url, (line) => lines.push(line), 7)).rejects.toMatchObject({
          code: 'CONFLICT',
          message: expect.stringMatching(
            new RegExp(
              `^Waited 7 s for the migration lock of this database, which is held by ${HOLDER.source}\\. `,
            ),
          ),
        });
        expect(performance.now() - began).toBeLessThan(20_000);
      });
      expect(lines).toEqual([
        expect.stringMatching(new RegExp(`^waiting for another migration: ${HOLDER.source}$`)),
      ]);
      await migrate(db.config, db.url);
    },
  );

  it('is not waited for with 0 seconds, also by a plan', async () => {
    await whileHeld(MIGRATION_LOCK, () =>
      expect(planMigration(db.config, db.url, { seconds: 0 })).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('Run it again when that has ended, or wait longer: --wait'),
      }),
    );
  });

  it('is reported as left over in a pooler if no migration runs under it', async () => {
    await whileHeld(MIGRATION_LOCK, () =>
      expect(migrate(db.config, db.url, undefined, 6)).rejects.toMatchObject({
        message: expect.stringMatching(
          / No migration is active there: .* SELECT pg_terminate_backend\(\d+\)$/,
        ),
      }),
    );
  });

  it('is described as far as this role may see it, if another role holds it', async () => {
    const administrator = await connectTo(administratorUrl(engine, db.name));
    await administrator.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    try {
      await expect(migrate(db.config, db.url, undefined, 0)).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringMatching(
          /held by process (\d+) \(user \S+; the rest is hidden from this role\)\. Run it again .*end it as an administrator: SELECT pg_terminate_backend\(\1\)$/,
        ),
      });
    } finally {
      await administrator.end();
    }
  });

  it('is free again as soon as its holder ends', async () => {
    await holder.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const waiting = migrate(db.config, db.url);
    await holder.query('SELECT pg_sleep(1), pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    expect(await waiting).toMatchObject({ ran: [] });
  });
});
