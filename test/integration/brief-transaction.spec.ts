import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { inBriefTransaction } from '../../src/database/schema/brief-transaction.js';
import { definitionFiles } from '../../src/database/schema/definitions.js';
import { describeTransactions, findLockHolders } from '../../src/database/other-transactions.js';
import { definedRelations } from '../../src/database/schema/relation-locks.js';
import type { Session } from '../../src/database/session.js';
import { connectTo } from '../support/servers/database-servers.js';
import { locksOf } from '../support/services.js';
import { TestDatabase } from '../support/test-database.js';

const RELATIONS = definedRelations(definitionFiles({ engine: 'postgresql', spatialLayer: 'builtin' }));

describe('a brief transaction with strong locks', () => {
  let db: TestDatabase;
  let session: Session;
  let other: pg.Client;
  beforeAll(async () => {
    db = await TestDatabase.create('postgresql');
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    session = db.dataSource.createQueryRunner();
    await session.connect();
    other = await connectTo(db.url);
  });
  afterEach(async () => {
    await other.end();
    await session.release();
  });

  it('locks every view and table exclusively, and leaves them unchanged', async () => {
    const optionsOfViews = (): Promise<unknown> =>
      session.query(`SELECT relname, reloptions FROM pg_class WHERE relname LIKE '%history%' ORDER BY 1`);
    const before = await optionsOfViews();
    await other.query(`SET lock_timeout = '1ms'`);
    const blocked: string[] = [];
    const tryAll = async (): Promise<void> => {
      for (const name of RELATIONS) {
        await other.query(`SELECT FROM ${name} LIMIT 1`).catch(() => blocked.push(name));
      }
    };
    await inBriefTransaction(session, tryAll, { relations: RELATIONS });
    expect(RELATIONS).toEqual(
      expect.arrayContaining(['location_reports', 'history_in_hours', 'location_history_hourly']),
    );
    expect(blocked).toEqual(RELATIONS);
    expect(await optionsOfViews()).toEqual(before);
  });

  it('does not deadlock with a transaction that goes on to lock more relations', async () => {
    await other.query('BEGIN; SELECT FROM history_in_hours LIMIT 1');
    const done = inBriefTransaction(session, () => Promise.resolve('done'), { relations: RELATIONS });
    await sleep(400); // it waits for the view
    await other.query('SELECT FROM latest_locations LIMIT 1');
    await other.query('SELECT FROM location_reports LIMIT 1');
    await other.query('COMMIT');
    expect(await done).toBe('done');
  });

  it('names the transactions that block it, and changes nothing if they do not end', async () => {
    await other.query(`SET application_name = 'a long report'; BEGIN`);
    await other.query('SELECT count(*) FROM location_reports');
    await sleep(1_100);
    const lines: string[] = [];
    const failed = inBriefTransaction(session, () => session.query('CREATE TABLE never_made ()'), {
      relations: RELATIONS,
      progress: (line) => lines.push(line),
      patienceMs: 2_000,
    });
    await expect(failed).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('a long report (process') as unknown,
    });
    expect(lines).toEqual([
      expect.stringMatching(
        /a long report \(process \d+, user \S+, idle in transaction, open since .*SELECT count\(\*\) FROM location_reports/,
      ),
    ]);
    expect(await session.query(`SELECT to_regclass('never_made') AS made`)).toEqual([{ made: null }]);
  });

  it('does not name transactions on the same table in another database', async () => {
    const copy = await TestDatabase.create('postgresql'); // with the same object ids
    const elsewhere = await connectTo(copy.url);
    try {
      for (const client of [elsewhere, other]) {
        await client.query(
          `SET application_name = 'user of ${client === other ? 'this' : 'another'}'; BEGIN`,
        );
        await client.query('SELECT count(*) FROM location_reports');
      }
      await sleep(1_100);
      const named = describeTransactions(await findLockHolders(session, ['location_reports'], 1));
      expect(named.match(/user of \w+/g)).toEqual(['user of this']);
    } finally {
      await elsewhere.end();
      await copy.drop();
    }
  });

  it('holds no table lock while it waits for a running refresh, and then keeps other refreshes from starting', async () => {
    const locks = locksOf(db.dataSource);
    let seen = '';
    const begun = new EventEmitter();
    const refreshing = locks.withLock('view_refresh', async () => {
      begun.emit('now');
      await sleep(1_500);
      await other.query('SELECT FROM history_in_hours LIMIT 1'); // nothing has to wait
      seen = 'read';
    });
    await once(begun, 'now');
    const outcome = await inBriefTransaction(
      session,
      async () => `${seen}, ${(await locks.withLock('change_refresh', () => Promise.resolve())).outcome}`,
      { relations: ['location_reports'] },
    );
    expect(outcome).toBe('read, held');
    await refreshing;
    expect((await locks.withLock('change_refresh', () => Promise.resolve())).outcome).toBe('acquired');
  });
});
