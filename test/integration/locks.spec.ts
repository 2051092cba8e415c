import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/database/data-source.js';
import { queryWithTimeout, type Session } from '../../src/database/session.js';
import { lockKey } from '../../src/database/lock-key.js';
import { WorkStoppedError } from '../../src/locking/session-stopper.js';
import { describeWithRedis } from '../support/engines.js';
import { SwitchableProxy } from '../support/servers/switchable-proxy.js';
import { healthOf, holdLock, lockName, locksOf, LocksWithRedis } from '../support/services.js';
import { RedisServer } from '../support/servers/server-processes.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const TTL = 1_000;
const ADVISORY = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

describe('a lock', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await TestDatabase.create('postgresql');
  });
  afterAll(() => db.drop());
  afterEach(async () => {
    await eventually(async () => expect(await db.value(ADVISORY)).toBe(0));
    expect(await db.value('SELECT count(*) FROM lock_holders')).toBe(0);
  });

  const one = (): Promise<number> => Promise.resolve(1);
  const sleeping = (session: Session): Promise<unknown> => session.query('SELECT pg_sleep(60)');
  const expire = (): Promise<unknown> =>
    db.query(`UPDATE lock_leases SET expires_at = clock_timestamp() - interval '1 second'`);

  describe('without Redis', () => {
    it('admits one holder, and the next when the first is done', async () => {
      const [locks, others, name] = [locksOf(db.dataSource), locksOf(db.dataSource), lockName()];
      const held = await holdLock(locks, name);
      expect(await others.withLock(name, one)).toEqual({ outcome: 'held' });
      expect(await locks.withLock(name, one)).toEqual({ outcome: 'held' }); // not even in the same process
      expect(await others.withLock(lockName(), one)).toEqual({ outcome: 'acquired', result: 1 });
      expect(await held.release()).toMatchObject({ outcome: 'acquired' });
      expect(await others.withLock(name, one)).toEqual({ outcome: 'acquired', result: 1 });
      expect(await db.value('SELECT count(*) FROM lock_leases')).toBe(0);
    });

    it('rethrows the error of the work, and is released', async () => {
      const [locks, name] = [locksOf(db.dataSource), lockName()];
      await expect(locks.withLock(name, () => Promise.reject(new Error('oh')))).rejects.toThrow('oh');
      expect(await locks.withLock(name, one)).toEqual({ outcome: 'acquired', result: 1 });
    });

    it('is unavailable if the database is', async () => {
      const gone = await TestDatabase.create('postgresql', { empty: true });
      const locks = locksOf(gone.dataSource);
      expect(await locks.withLock(lockName(), one)).toMatchObject({ outcome: 'unavailable' }); // no such tables
      await gone.drop();
      expect(await locks.withLock(lockName(), one)).toMatchObject({ outcome: 'unavailable' });
    });

    it('is kept beyond its time to live while the work goes on', async () => {
      const name = lockName();
      const held = await holdLock(locksOf(db.dataSource, TTL), name);
      await sleep(3 * TTL);
      expect(await locksOf(db.dataSource, TTL).withLock(name, one)).toEqual({ outcome: 'held' });
      expect(await held.release()).toMatchObject({ outcome: 'acquired' });
    });

    it('cancels the running statement when it is lost', async () => {
      const lost = locksOf(db.dataSource, TTL).withLock(lockName(), async (session, signal) => {
        await db.query('DELETE FROM lock_leases');
        await sleeping(session);
        expect(signal.aborted).toBe(true);
      });
      await expect(lost).rejects.toThrow(WorkStoppedError);
      await expect(lost).rejects.toThrow('was lost: it is held by another');
    });

    it('cancels only its own statements: the cancelled session is not used again', async () => {
      const stop = new AbortController();
      const pid = async (session: Session): Promise<number> =>
        ((await session.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }])[0].pid;
      const first = { pid: 0 };
      const stopped = locksOf(db.dataSource).withLock(
        lockName(),
        async (session) => {
          first.pid = await pid(session);
          stop.abort(new Error('enough'));
          await sleeping(session);
        },
        stop.signal,
      );
      await expect(stopped).rejects.toThrow('enough');
      const used = await locksOf(db.dataSource).withLock(lockName(), pid);
      expect(used).not.toMatchObject({ result: first.pid });
    });

    it('ends the session of a holder that hangs, and no other', async () => {
      const [hanging, other, name, otherName] = [
        locksOf(db.dataSource),
        locksOf(db.dataSource),
        lockName(),
        lockName(),
      ];
      const bystander = await holdLock(other, otherName);
      const hung = hanging.withLock(name, sleeping);
      hung.catch(() => undefined);
      await eventually(async () => expect(await db.value('SELECT count(*) FROM lock_holders')).toBe(2));
      expect(await other.withLock(name, one)).toEqual({ outcome: 'held' }); // its lease is still valid
      await expire();
      expect(await other.withLock(name, one)).toEqual({ outcome: 'acquired', result: 1 });
      await expect(hung).rejects.toThrow('terminating connection');
      expect(await bystander.release()).toMatchObject({ outcome: 'acquired' });
    });

    it('does not end a session that now serves other work', async () => {
      const [locks, name] = [locksOf(db.dataSource), lockName()];
      const held = await holdLock(locks, name);
      // As if the owner of an old lease had died after releasing the lock, and its session were in use again.
      await db.query(`UPDATE lock_leases SET backend_pid = pg_backend_pid(), backend_start = now()`);
      await expire();
      expect(await locks.withLock(name, one)).toEqual({ outcome: 'held' });
      await held.release();
    });

    it('is released soon after the process is told to stop', async () => {
      const locks = locksOf(db.dataSource);
      const working = locks.withLock(lockName(), sleeping);
      locks.onModuleDestroy();
      await expect(working).rejects.toThrow('the process is stopping');
    });
  });

  describe('of a process whose connections become a black hole', () => {
    let proxy: SwitchableProxy;
    let cutOff: DataSource;
    beforeAll(async () => {
      proxy = await SwitchableProxy.start(db.url);
      cutOff = await createDataSource(db.config, proxy.through(db.url)).initialize();
    });
    afterAll(async () => {
      await cutOff.destroy();
      await proxy.close();
    });

    it('is released by that process in time, and acquired by another', async () => {
      const name = lockName();
      const lost = locksOf(cutOff, TTL).withLock(name, async (session) => {
        proxy.inject('black hole');
        await sleeping(session);
      });
      await expect(lost).rejects.toThrow('was lost: it could not be extended in time');
      expect(await locksOf(db.dataSource).withLock(name, one)).toEqual({ outcome: 'acquired', result: 1 });
      proxy.inject('none');
    });

    it('does not wait forever for its short statements', async () => {
      await queryWithTimeout(cutOff, 'SELECT 1');
      proxy.inject('black hole');
      await expect(queryWithTimeout(cutOff, 'SELECT 1', [], 200)).rejects.toThrow('Connection terminated');
      proxy.inject('none');
      await eventually(() => queryWithTimeout(cutOff, 'SELECT 1'));
    });
  });

  describeWithRedis('with Redis', () => {
    let redis: RedisServer;
    let a: LocksWithRedis;
    let b: LocksWithRedis;

    beforeAll(async () => {
      redis = await RedisServer.start();
      a = new LocksWithRedis(db.dataSource, redis.url, TTL);
      b = new LocksWithRedis(db.dataSource, redis.url, TTL);
    });
    afterAll(async () => {
      a.close();
      b.close();
      await redis.destroy();
    });
    afterEach(async () => {
      expect(await redis.locks()).toEqual([]);
    });

    const keyOf = (name: string): Promise<string | null> => redis.client.get(lockKey(name));

    it('has the documented key, with a token and a short time to live', async () => {
      const held = await holdLock(a.service, 'aggregate_refresh');
      expect(await redis.client.get('location_history:aggregate_refresh_lock')).toMatch(/^[0-9a-f-]{36}$/);
      const ttl = await redis.client.pttl('location_history:aggregate_refresh_lock');
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(TTL);
      expect(await b.service.withLock('aggregate_refresh', one)).toEqual({ outcome: 'held' });
      await held.release();
      expect(await b.service.withLock('aggregate_refresh', one)).toEqual({ outcome: 'acquired', result: 1 });
    });

    it('is kept beyond its time to live, also when the scripts are flushed', async () => {
      const name = lockName();
      const held = await holdLock(a.service, name);
      const token = await keyOf(name);
      await sleep(TTL);
      await redis.client.script('FLUSH');
      await sleep(2 * TTL);
      expect(await keyOf(name)).toBe(token);
      await redis.client.script('FLUSH');
      expect(await held.release()).toMatchObject({ outcome: 'acquired' });
      expect(await keyOf(name)).toBeNull();
    });

    it('is neither extended nor released if its key has another value, and the statement is cancelled', async () => {
      const name = lockName();
      const lost = a.service.withLock(name, async (session) => {
        await redis.client.set(lockKey(name), 'somebody', 'PX', 10 * TTL);
        await sleeping(session);
      });
      await expect(lost).rejects.toThrow('was lost: it is held by another');
      expect(await keyOf(name)).toBe('somebody');
      expect(await redis.client.pttl(lockKey(name))).toBeGreaterThan(5 * TTL);
      await redis.client.del(lockKey(name));
    });

    it('is set again in a Redis that was flushed, and excludes others in the meantime', async () => {
      const name = lockName();
      const held = await holdLock(a.service, name);
      await redis.client.flushall();
      expect(await b.service.withLock(name, one)).toEqual({ outcome: 'held' }); // by the advisory lock
      await eventually(async () => expect(await keyOf(name)).not.toBeNull());
      expect(await held.release()).toMatchObject({ outcome: 'acquired' });
    });

    it('works without a Redis that stops, for current and later holders', async () => {
      const name = lockName();
      const held = await holdLock(a.service, name);
      await redis.stop();
      await sleep(2 * TTL);
      expect(await b.service.withLock(name, one)).toEqual({ outcome: 'held' });
      const health = await healthOf(db, a).check();
      expect(health.refresher.redis).toBe('degraded');
      expect(health.problems).toEqual([expect.stringContaining('Redis does not answer')]);
      expect(await b.service.withLock(lockName(), one)).toEqual({ outcome: 'acquired', result: 1 });

      await redis.start();
      await eventually(async () => expect(await keyOf(name)).not.toBeNull());
      expect(await a.status.state()).toMatchObject({ state: 'ready', reason: null });
      expect(await held.release()).toMatchObject({ outcome: 'acquired' });
      expect(await b.service.withLock(name, one)).toEqual({ outcome: 'acquired', result: 1 });
    });

    it('does not wait long for a Redis that hangs', async () => {
      redis.suspend();
      expect(await b.service.withLock(lockName(), one)).toEqual({ outcome: 'acquired', result: 1 });
      redis.resume();
      await eventually(async () => expect(await b.status.state()).toMatchObject({ state: 'ready' }));
      await redis.client.flushall(); // it has executed the requests that timed out
    });

    it('does not use Redis for short and frequent work', async () => {
      const name = lockName();
      const keys = await a.service.withDatabaseLock(name, () => redis.locks());
      expect(keys).toEqual({ outcome: 'acquired', result: [] });
    });
  });
});
