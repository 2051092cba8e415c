import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import request from 'supertest';
import { lockKey } from '../../src/database/lock-key.js';
import { describeWithRedis } from '../support/engines.js';
import { Api } from '../support/application.js';
import { SwitchableProxy } from '../support/servers/switchable-proxy.js';
import { healthOf, holdLock, lockName, LocksWithRedis } from '../support/services.js';
import { RedisServer } from '../support/servers/server-processes.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const TTL = 1_000;
const VIEW = 'location_history:view_refresh_lock';
const HOUR = 3_600_000;
const one = (): Promise<number> => Promise.resolve(1);
/** Keeps Redis busy for three seconds: longer than commands wait, and too short for Redis to answer BUSY. */
const BUSY = `local function now() local t = redis.call('TIME') return t[1] + t[2] / 1e6 end
  local started = now() while now() - started < 3 do end`;
const ACQUIRED = { outcome: 'acquired', result: 1 };
const HELD = { outcome: 'held' };

describeWithRedis('locks over Redis', () => {
  let db: TestDatabase;
  let redis: RedisServer;
  let a: LocksWithRedis;
  let b: LocksWithRedis;
  const logged: string[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create('postgresql');
    await db.settle();
    redis = await RedisServer.start();
    a = new LocksWithRedis(db.dataSource, redis.url, TTL);
    b = new LocksWithRedis(db.dataSource, redis.url, TTL);
  });
  beforeEach(() => {
    logged.length = 0;
    for (const level of ['warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation((text: unknown) => logged.push(String(text)));
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await redis.client.flushall();
  });
  afterAll(async () => {
    a.close();
    b.close();
    await db.drop();
    await redis.destroy();
  });

  const problems = async (locks = a): Promise<string[]> => (await healthOf(db, locks).check()).problems;
  const loggedAbout = (key: string): string[] => logged.filter((line) => line.includes(key));

  it.each<[string, string, (key: string) => Promise<unknown>]>([
    ['never expires', 'a string that never expires', (key) => redis.client.set(key, 'somebody')],
    [
      'expires late',
      'a string that expires in 3\\d\\d\\d s',
      (key) => redis.client.set(key, randomUUID(), 'PX', HOUR),
    ],
    ['is a list', 'a list that never expires', (key) => redis.client.rpush(key, 'a', 'b')],
    ['is a hash', 'a hash that never expires', (key) => redis.client.hset(key, 'a', 'b')],
  ])('ignore a key of another program that %s, and name it', async (_, described, make) => {
    await make(VIEW);
    expect(await a.service.withLock('view_refresh', one)).toEqual(HELD);
    const began = performance.now();
    await eventually(async () => expect(await a.service.withLock('view_refresh', one)).toEqual(ACQUIRED));
    expect(performance.now() - began).toBeGreaterThan(TTL * 0.9);
    for (let i = 0; i < 3; i++) expect(await a.service.withLock('view_refresh', one)).toEqual(ACQUIRED);

    const named = new RegExp(`${VIEW} \\(${described}\\).*redis-cli DEL ${VIEW}`);
    expect(loggedAbout(VIEW)).toEqual([expect.stringMatching(named)]); // once
    expect(await problems()).toEqual([expect.stringMatching(named)]);
    expect(await problems(b)).toEqual([expect.stringMatching(named)]); // also in a process that has not tried to lock

    await redis.client.del(VIEW);
    expect(await a.service.withLock('view_refresh', () => redis.locks())).toMatchObject({ result: [VIEW] });
    expect(loggedAbout(VIEW)).toEqual([expect.anything(), `${VIEW} is no longer in the way`]);
    expect(await problems()).toEqual([]);
  });

  it('exclude each other in two processes that ignore a key of another program', async () => {
    const name = lockName();
    await redis.client.set(lockKey(name), 'somebody');
    for (const { service } of [a, b])
      await eventually(async () => expect(await service.withLock(name, one)).toEqual(ACQUIRED));
    const held = await holdLock(a.service, name);
    expect(await b.service.withLock(name, one)).toEqual(HELD);
    expect(await held.release()).toMatchObject({ outcome: 'acquired' });
    expect(await b.service.withLock(name, one)).toEqual(ACQUIRED);
    expect(loggedAbout(name)).toHaveLength(2); // once per process
  });

  it('ignore a key that another program writes again and again', async () => {
    const name = lockName();
    const writing = setInterval(() => void redis.client.incr(lockKey(name)), 20);
    await redis.client.incr(lockKey(name));
    try {
      await eventually(async () => expect(await a.service.withLock(name, one)).toEqual(ACQUIRED), 5 * TTL);
    } finally {
      clearInterval(writing);
    }
  });

  it('respect a key whose holder is recorded in the database, for any time', async () => {
    const held = await holdLock(a.service, 'view_refresh');
    for (const end = performance.now() + 2.5 * TTL; performance.now() < end;) {
      expect(await b.service.withLock('view_refresh', one)).toEqual(HELD);
      await sleep(50);
    }
    expect(await problems(b)).toEqual([]);
    await held.release();
    expect(loggedAbout(VIEW)).toEqual([]);
    expect(await b.service.withLock('view_refresh', one)).toEqual(ACQUIRED);
  });

  it('do not name the key of a process that has just been killed', async () => {
    await redis.client.set(VIEW, randomUUID(), 'PX', TTL);
    expect(await problems()).toEqual([]);
    expect(await a.service.withLock('view_refresh', one)).toEqual(HELD);
    await eventually(async () => expect(await a.service.withLock('view_refresh', one)).toEqual(ACQUIRED));
    expect(loggedAbout(VIEW)).toEqual([]);
  });

  it.each([
    ['SIGSTOP', () => redis.suspend(), () => redis.resume()],
    ['CLIENT PAUSE', () => void redis.client.call('CLIENT', 'PAUSE', '4000', 'ALL'), () => undefined],
    // Like DEBUG SLEEP, which Redis 7 allows only with a start option.
    ['a script', () => void redis.client.eval(BUSY, 0), () => undefined],
  ])('release what Redis granted too late (%s)', async (_, hang, resume) => {
    // A long time to live, so that the key does not expire; a fixed prefix, so that the lock hangs and not the claim.
    const locks = new LocksWithRedis(db.dataSource, redis.url, HOUR, 'late');
    const name = lockName();
    try {
      expect(await locks.service.withLock(name, one)).toEqual(ACQUIRED);
      hang();
      await sleep(100); // these commands use another connection than the next ones
      expect(await locks.service.withLock(name, one)).toEqual(ACQUIRED); // under the advisory lock
      resume();
      await eventually(async () => expect(await redis.client.ping()).toBe('PONG'));
      await eventually(async () => expect(await redis.locks()).toEqual([]));
      await eventually(async () => {
        expect(await locks.service.withLock(name, () => redis.locks())).toMatchObject({
          result: [`late:${name}_lock`], // in Redis again
        });
      });
    } finally {
      locks.close();
    }
  });

  it('are released once Redis can be reached again, if it could not when they ended', async () => {
    const proxy = await SwitchableProxy.start(redis.url);
    const locks = new LocksWithRedis(db.dataSource, proxy.url, HOUR);
    try {
      const held = await holdLock(locks.service, lockName());
      await proxy.close();
      expect(await held.release()).toMatchObject({ outcome: 'acquired' });
      expect(await redis.locks()).toHaveLength(1);
      await proxy.open();
      await eventually(async () => expect(await redis.locks()).toEqual([]));
    } finally {
      locks.close();
      await proxy.close();
    }
  });

  it.each([
    ['full', /^is full: raise its maxmemory/, () => redis.fill()],
    ['a replica', /^is a read-only replica: REDIS_URL has to name the primary/, () => redis.makeReplica()],
  ])(
    'work without a Redis that is %s, which is reported as degraded and not ready',
    async (_, reason, refuse) => {
      const api = await Api.start(db, false, { APP_ROLES: ['api'], REDIS_URL: redis.url });
      try {
        const held = await holdLock(b.service, lockName());
        await refuse();
        expect(await a.status.state()).toMatchObject({
          state: 'degraded',
          reason: expect.stringMatching(reason),
        });
        for (let i = 0; i < 3; i++) expect(await a.service.withLock(lockName(), one)).toEqual(ACQUIRED);
        expect(await problems()).toEqual([
          expect.stringMatching(`^Redis ${reason.source.slice(1)}.*; only the advisory locks`),
        ]);
        const { body, status } = (await request(api.server).get('/health/ready')) as {
          body: unknown;
          status: number;
        };
        expect(status).toBe(200);
        expect(body).toMatchObject({
          status: 'degraded',
          details: {
            redis: { status: 'degraded', message: expect.stringMatching(`^Redis ${reason.source.slice(1)}`) },
          },
        });
        expect(await held.release()).toMatchObject({ outcome: 'acquired' });

        await redis.acceptWrites();
        expect(await a.status.state()).toMatchObject({ state: 'ready', reason: null });
        const name = lockName();
        expect(await a.service.withLock(name, () => redis.locks())).toMatchObject({
          result: expect.arrayContaining([lockKey(name)]),
        });
        expect(await problems()).toEqual([]);
        // Once per process: a, b (which extends its lock), and the API.
        expect(logged.filter((line) => reason.test(line)).length).toBeLessThanOrEqual(3);
        expect(logged).toContain('accepts writes again');
      } finally {
        await redis.acceptWrites();
        await api.stop();
      }
      expect(await redis.client.keys('*write_probe*')).toEqual([]);
    },
  );

  it('work without a Redis that requires a password, and keep reporting it', async () => {
    await redis.client.config('SET', 'requirepass', 'secret');
    const locks = new LocksWithRedis(db.dataSource, redis.url, TTL);
    try {
      await eventually(() => expect(logged).toContainEqual(expect.stringMatching(/^not connected \(NOAUTH/)));
      await sleep(1_000); // it has tried again by then
      expect((await locks.status.state()).reason).toMatch(/^does not answer \(NOAUTH/);
    } finally {
      locks.close();
      await redis.client.config('SET', 'requirepass', '');
    }
  });

  it('are reported by the health check with their actual holder', async () => {
    const behind = `UPDATE refresh_state SET changes = changes + 1, behind_since = now() - interval '3 minutes'`;
    await db.query(behind);
    const waits = async (): Promise<string | undefined> =>
      (await problems()).find((problem) => problem.startsWith('The materialized view'));
    try {
      expect(await waits()).toMatch(/: no refresher is running$/);
      const held = await holdLock(b.service, 'view_refresh');
      expect(await waits()).toMatch(new RegExp(`: \\S+:${process.pid} holds ${VIEW} since \\S+Z$`));
      await held.release();
      await redis.client.set(VIEW, 'somebody');
      expect(await waits()).toMatch(
        new RegExp(`: the refreshers are blocked by the key ${VIEW} in Redis, which none of them set$`),
      );
    } finally {
      await db.query('UPDATE refresh_state SET refreshed = changes, behind_since = NULL');
    }
  });
});
