import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createDataSource } from '../../src/database/data-source.js';
import { CrashSafeClient } from '../../src/database/crash-safe-client.js';
import { detectPooling, requireSession, requireTransactions } from '../../src/database/pooler.js';
import { dedicatedSession } from '../../src/database/session-settings.js';
import { CommittedTransactions } from '../../src/database/transactions.js';
import { describeWithPgBouncer } from '../support/engines.js';
import { ForgottenTransaction } from '../support/forgotten-transaction.js';
import { withClient } from '../support/servers/database-servers.js';
import { PgBouncer, type PoolMode } from '../support/servers/server-processes.js';
import { TestDatabase } from '../support/test-database.js';

describeWithPgBouncer('the support for poolers', (engine) => {
  let db: TestDatabase;
  const running: PgBouncer[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { empty: true });
  });
  afterEach(async () => {
    for (const bouncer of running.splice(0)) await bouncer.destroy();
  });
  afterAll(() => db.drop());

  async function through(mode: PoolMode, poolSize?: number): Promise<string> {
    const bouncer = await PgBouncer.start(db.url, mode, poolSize);
    running.push(bouncer);
    return bouncer.url;
  }

  it('recognises a direct address', async () => {
    expect(await detectPooling(db.url)).toBe('none');
  });

  it.each(['session', 'transaction', 'statement'] as const)(
    'recognises a pooler in %s mode',
    async (mode) => {
      expect(await detectPooling(await through(mode))).toBe(mode);
    },
  );

  it('recognises a pooler in transaction mode while other clients use it', async () => {
    const url = await through('transaction');
    const others = await createDataSource(db.config, url).initialize();
    let over = false;
    const busy = Array.from({ length: 8 }, async () => {
      while (!over) await others.query('SELECT pg_sleep(random() / 100)');
    });
    try {
      for (let i = 0; i < 10; i++) expect(await detectPooling(url)).toBe('transaction');
    } finally {
      over = true;
      await Promise.all(busy);
      await others.destroy();
    }
  });

  it('rejects a pooler that does not keep a session; the error names the variable, not the password', async () => {
    const url = await through('transaction');
    const { host, password } = new URL(url);
    const rejection = requireSession(url, 'DATABASE_URL');
    await expect(rejection).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message:
        `DATABASE_URL (${host}/${db.name}) is a pooler in transaction mode, which loses locks and LISTEN: ` +
        "set DATABASE_DIRECT_URL to the server's own address, or to a pooler in session mode",
    });
    if (password !== '') await expect(rejection).rejects.not.toThrow(password);
    await requireTransactions(url, 'DATABASE_URL');
  });

  it('rejects a pooler without transactions for every use', async () => {
    const url = await through('statement');
    for (const required of [requireSession, requireTransactions]) {
      await expect(required(url, 'DATABASE_DIRECT_URL')).rejects.toMatchObject({
        code: 'BAD_CONFIGURATION',
        message: expect.stringMatching(/^DATABASE_DIRECT_URL \(\S+\) is a pooler in statement mode/),
      });
    }
  });

  it('does not report a pooler with a single session as unreachable', async () => {
    await expect(requireSession(await through('session', 1), 'DATABASE_URL')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(
        /^DATABASE_URL \(\S+\) is a pooler that provides one session, and no second one within 10 s: raise its pool size/,
      ),
    });
  });

  it('logs the blocking transaction even if the pooler has no free session', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const pooled = createDataSource(db.config, await through('transaction', 1), { watchUrl: db.url });
    await pooled.initialize();
    const forgotten = await ForgottenTransaction.begin(db);
    try {
      await forgotten.client.query('CREATE TABLE in_use ()');
      await forgotten.client.query('COMMIT; BEGIN; LOCK TABLE in_use');
      await expect(
        new CommittedTransactions(pooled, 'an import').run((session) => session.query('LOCK TABLE in_use')),
      ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(warn.mock.calls.map(([line]) => String(line))).toEqual([
        expect.stringMatching(new RegExp(`^an import waits for by hand \\(process ${forgotten.pid},`)),
      ]);
    } finally {
      warn.mockRestore();
      await forgotten.end();
      await pooled.destroy();
    }
  });

  describe('in a new session', () => {
    const KEEPALIVE = `SELECT current_setting('client_connection_check_interval') AS interval`;

    it('sets the keepalive on a direct connection', async () => {
      expect(await ask(db.url, KEEPALIVE)).toEqual([{ interval: '2s' }]);
    });

    it('changes no setting of a session that a pooler shares with other clients', async () => {
      const serverDefault = await withClient(db.url, async (client) => {
        await client.query('RESET client_connection_check_interval');
        return (await client.query<{ interval: string }>(KEEPALIVE)).rows;
      });
      expect(serverDefault).not.toEqual([{ interval: '2s' }]);
      expect(await ask(await through('transaction'), KEEPALIVE)).toEqual(serverDefault);
    });

    it('sets the keepalive through a pooler that keeps the session', async () => {
      const url = await through('session');
      expect(await ask(url, KEEPALIVE, dedicatedSession())).toEqual([{ interval: '2s' }]);
    });

    it.each(['none', 'session', 'transaction'] as const)(
      'receives dates in the style that the driver parses (pooler: %s)',
      async (mode) => {
        await db.query(`ALTER DATABASE ${db.name} SET datestyle = 'German'`);
        const url = mode === 'none' ? db.url : await through(mode);
        const rows = await ask(url, `SELECT timestamptz '2026-11-26 10:00:00Z' AS moment`);
        expect(rows).toEqual([{ moment: new Date('2026-11-26T10:00:00Z') }]);
      },
    );

    async function ask(
      url: string,
      sql: string,
      session = undefined as ReturnType<typeof dedicatedSession> | undefined,
    ): Promise<unknown[]> {
      const client = new CrashSafeClient({ connectionString: url, ...(session && { session }) });
      await client.connect();
      try {
        return (await client.query(sql)).rows as unknown[];
      } finally {
        await client.end();
      }
    }
  });
});
