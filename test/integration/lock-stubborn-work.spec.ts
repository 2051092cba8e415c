import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { databaseErrorCode, SQLSTATE } from '../../src/common/errors/pg-errors.js';
import type { Session } from '../../src/database/session.js';
import { lockName, locksOf } from '../support/services.js';
import { TestDatabase } from '../support/test-database.js';

/** Number of statements that the work sends after it was told to stop. */
const STATEMENTS = 12;

describe('work that ignores its stop signal', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await TestDatabase.create('postgresql');
  });
  afterAll(() => db.drop());

  it('has its later statements cancelled too, and keeps its lock until it ends', async () => {
    const name = lockName();
    const stop = new AbortController();
    const tryLock = async (): Promise<string> =>
      (await locksOf(db.dataSource).withLock(name, () => Promise.resolve())).outcome;
    const meanwhile: string[] = [];
    const stubborn = async (session: Session): Promise<void> => {
      stop.abort(new Error('enough'));
      for (let i = 0; i < STATEMENTS; i++) {
        await session.query('SELECT pg_sleep(60)').catch((error: unknown) => {
          if (databaseErrorCode(error) !== SQLSTATE.queryCanceled) throw error;
        });
        meanwhile.push(await tryLock());
      }
      throw new Error('done');
    };
    const stopped = locksOf(db.dataSource).withLock(name, stubborn, stop.signal);
    await expect(stopped).rejects.toMatchObject({ name: 'WorkStoppedError', message: 'enough' });
    expect(meanwhile).toEqual(Array.from({ length: STATEMENTS }, () => 'held'));
    expect(await tryLock()).toBe('acquired');
  });
});
