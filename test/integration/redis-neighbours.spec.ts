import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { AggregatesRepository } from '../../src/aggregates/aggregates.repository.js';
import { AggregatesService } from '../../src/aggregates/aggregates.service.js';
import { PeriodicRefreshRepository } from '../../src/aggregates/periodic-refresh.repository.js';
import { PeriodicRefreshService } from '../../src/aggregates/periodic-refresh.service.js';
import { DeploymentRepository } from '../../src/locking/deployment.repository.js';
import { anyEngine, describeWithRedis } from '../support/engines.js';
import { clockOf, healthOf, holdLock, lockName, LocksWithRedis } from '../support/services.js';
import { RedisServer } from '../support/servers/server-processes.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const TTL = 1_000;
const CLAIM = 'location_history:deployment';
const LAST_REFRESH = 'location_history:last_aggregate_refresh';
const one = (): Promise<number> => Promise.resolve(1);
const idOf = async (db: TestDatabase): Promise<string> =>
  (await new DeploymentRepository(db.dataSource).deployment()).id;

describe('the identity of a deployment', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await TestDatabase.create('postgresql');
  });
  afterAll(() => db.drop());

  it('is the same for all processes on a database, and another one for a copy of it', async () => {
    const original = await TestDatabase.create('postgresql');
    const id = await idOf(original);
    expect(id).toMatch(/^[0-9a-f]{8}$/);
    expect(await idOf(original)).toBe(id);
    await original.close();
    const copy = await TestDatabase.create('postgresql', { copyOf: original });
    expect(await idOf(copy)).not.toBe(id);
    await copy.drop();
    await original.drop();
  });

  it('is computed without the control file if the role may not read it', async () => {
    const all = await idOf(db);
    await db.administer('REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC');
    const restricted = await idOf(db);
    expect(restricted).toMatch(/^[0-9a-f]{8}$/);
    expect(restricted).not.toBe(all);
    expect(await idOf(db)).toBe(restricted);
    await db.administer('GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC');
  });
});

describeWithRedis('deployments on one Redis', () => {
  let redis: RedisServer;
  let [first, second]: TestDatabase[] = [];
  let secondId: string;
  const opened: { close: () => void }[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
    first = await TestDatabase.create(anyEngine());
    second = await TestDatabase.create(anyEngine());
    secondId = await idOf(dbOf(second));
  });
  beforeEach(() => redis.client.flushall());
  afterEach(() => {
    for (const { close } of opened.splice(0)) close();
    jest.restoreAllMocks();
  });
  afterAll(async () => {
    await first?.drop();
    await second?.drop();
    await redis.destroy();
  });

  function dbOf(db: TestDatabase | undefined): TestDatabase {
    if (!db) throw new Error('there is no database');
    return db;
  }
  function locksOf(db: TestDatabase | undefined, prefix: string | null = null): LocksWithRedis {
    const locks = new LocksWithRedis(dbOf(db).dataSource, redis.url, TTL, prefix);
    opened.push({ close: () => locks.close() });
    return locks;
  }
  /** Refreshes as the job does, like a separate process. */
  async function refreshPeriodically(
    db: TestDatabase | undefined,
    prefix: string | null = null,
  ): Promise<unknown> {
    const [{ service, keys }, repository] = [
      locksOf(db, prefix),
      new AggregatesRepository(dbOf(db).dataSource),
    ];
    const periodic = new PeriodicRefreshService(
      new PeriodicRefreshRepository(),
      repository,
      new AggregatesService(repository, service, clockOf(dbOf(db).dataSource)),
      keys,
    );
    const run = await service.withLock('aggregate_refresh', (session, signal) =>
      periodic.refresh(session, signal),
    );
    return run.outcome === 'acquired' ? run.result : run;
  }
  const forgetRefresh = (db: TestDatabase | undefined): Promise<unknown> =>
    dbOf(db).query(`UPDATE refresh_state SET periodic_at = now() - interval '2 hours'`);

  it('do their own periodic refresh, and record it separately', async () => {
    await forgetRefresh(first);
    await forgetRefresh(second);
    expect(await refreshPeriodically(first)).toEqual({ refreshed: true });
    expect(await refreshPeriodically(second)).toEqual({ refreshed: true });
    expect(await refreshPeriodically(second)).toMatchObject({ refreshed: false });
    expect((await redis.client.keys('*last_aggregate_refresh')).sort()).toEqual([
      `location_history:${secondId}:last_aggregate_refresh`,
      LAST_REFRESH,
    ]);
  });

  it('log only once that Redis is full, also the second deployment', async () => {
    const logged: string[] = [];
    for (const level of ['warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation((text: unknown) => logged.push(String(text)));
    await locksOf(first).service.withLock(lockName(), one);
    const { service } = locksOf(second);
    await service.withLock(lockName(), one);
    await redis.fill();
    try {
      for (let i = 0; i < 3; i++) await service.withLock(lockName(), one);
      expect(logged.filter((line) => /is full|accepts writes/.test(line))).toEqual([
        expect.stringMatching(/^is full/),
      ]);
      await redis.acceptWrites();
      await service.withLock(lockName(), one);
      expect(logged).toContain('accepts writes again');
    } finally {
      await redis.acceptWrites();
    }
  });

  it('refresh although Redis records a refresh, because the record in the database decides', async () => {
    await forgetRefresh(first);
    await redis.client.set(LAST_REFRESH, String(Date.now() / 1000), 'EX', 7200);
    expect(await refreshPeriodically(first)).toEqual({ refreshed: true });
    await redis.client.del(LAST_REFRESH);
    expect(await refreshPeriodically(first)).toMatchObject({ refreshed: false });
  });

  it('use locks of one name independently: the second deployment has its id in its keys', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const [a, b] = [locksOf(first), locksOf(second)];
    const name = lockName();
    const [held, other] = [await holdLock(a.service, name), await holdLock(b.service, name)];
    expect(await redis.locks()).toEqual([
      `location_history:${secondId}:${name}_lock`,
      `location_history:${name}_lock`,
    ]);
    expect(await locksOf(first).service.withLock(name, one)).toEqual({ outcome: 'held' });
    expect(await locksOf(second).service.withLock(name, one)).toEqual({ outcome: 'held' });
    await held.release();
    await other.release();
    expect(await b.service.withLock(name, one)).toMatchObject({ outcome: 'acquired' });
    expect(await redis.locks()).toEqual([]);

    // Once per process, with the name of the other deployment.
    const warnings = warn.mock.calls.map(([text]) => String(text));
    expect(warnings).toHaveLength(2);
    for (const text of warnings) {
      expect(text).toContain(`another deployment (${await redis.client.get(CLAIM)})`);
      expect(text).toContain(dbOf(first).name);
      expect(text).toContain(`so this one uses location_history:${secondId}:*`);
    }
    expect(await a.status.state()).toEqual({
      state: 'ready',
      reason: null,
      keys: 'location_history:*',
      otherOwner: null,
    });
    const { refresher, problems } = await healthOf(dbOf(second), b).check();
    expect(refresher.redisKeys).toMatch(new RegExp(`^location_history:${secondId}:\\*, because another`));
    expect(problems.filter((problem) => problem.includes('Redis'))).toEqual([]);
  });

  it('keep their key names while the first renews its claim, and agree on new ones when it is gone', async () => {
    jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const [a, b] = [locksOf(first), locksOf(second)];
    await a.service.withLock(lockName(), one);
    await redis.client.pexpire(CLAIM, 60_000);
    await a.service.withLock(lockName(), one);
    expect(await redis.client.pttl(CLAIM)).toBeGreaterThan(7_000_000);
    expect(await b.keys.key('x')).toBe(`location_history:${secondId}:x`);
    await redis.client.del(CLAIM);
    for (const locks of [b, locksOf(second)]) expect(await locks.keys.key('x')).toBe('location_history:x');
    expect(await a.keys.key('x')).toBe(`location_history:${await idOf(dbOf(first))}:x`);
  });

  it('continue with new key names if a flush gave the old ones to the other deployment', async () => {
    jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const [a, b] = [locksOf(first), locksOf(second)];
    const name = lockName();
    const held = await holdLock(a.service, name);
    await redis.client.flushall();
    const other = await holdLock(b.service, name);
    await eventually(async () => expect(await redis.locks()).toHaveLength(2));
    expect(await held.release()).toMatchObject({ outcome: 'acquired' });
    expect(await other.release()).toMatchObject({ outcome: 'acquired' });
    expect(await redis.locks()).toEqual([]);
  });

  it.each([
    ['a string that never expires', (claim: string) => redis.client.set(claim, 'somebody else')],
    ['a list', (claim: string) => redis.client.rpush(claim, 'a')],
  ])('leave the default keys to a claim that is %s', async (_, make) => {
    jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    await make(CLAIM);
    const b = locksOf(second);
    expect(await b.keys.key('x')).toBe(`location_history:${secondId}:x`);
    expect(await b.status.state()).toMatchObject({
      otherOwner: expect.stringMatching(/^(a list|somebody else)$/),
    });
  });

  it('use only the names of REDIS_KEY_PREFIX if it is set, and claim nothing', async () => {
    const locks = locksOf(second, 'mine:staging');
    const name = lockName();
    const held = await holdLock(locks.service, name);
    expect(await redis.client.keys('*')).toEqual([`mine:staging:${name}_lock`]);
    expect(await locks.keys.channel('changed')).toBe('mine:staging:changed');
    expect(await locks.status.state()).toMatchObject({ keys: 'mine:staging:*' });
    await held.release();

    await forgetRefresh(second);
    expect(await refreshPeriodically(second, 'mine:staging')).toEqual({ refreshed: true });
    expect(await redis.client.keys('*')).toEqual(['mine:staging:last_aggregate_refresh']);
  });

  it('answer the documented commands of redis-cli, for a single deployment', async () => {
    await forgetRefresh(first);
    expect(await refreshPeriodically(first)).toEqual({ refreshed: true });
    const held = await holdLock(locksOf(first).service, 'aggregate_refresh');
    expect(await redisCli('redis-cli ping')).toBe('PONG');
    expect((await redisCli('redis-cli keys "location_history:*"')).split('\n').sort()).toEqual([
      'location_history:aggregate_refresh_lock',
      CLAIM,
      LAST_REFRESH,
    ]);
    expect(Number(await redisCli(`redis-cli get ${LAST_REFRESH}`))).toBeCloseTo(Date.now() / 1000, -2);
    expect(await redisCli('redis-cli get location_history:aggregate_refresh_lock')).toMatch(
      /^[0-9a-f-]{36}$/,
    );
    await held.release();
  });

  /** Runs a documented command against the port of this Redis. */
  async function redisCli(command: string): Promise<string> {
    const { port } = new URL(redis.url);
    const script = `redis-cli() { command redis-cli -p ${port} "$@"; }; ${command}`;
    return (await promisify(execFile)('bash', ['-c', script])).stdout.trim();
  }

  it('announce changes only to their own processes', async () => {
    const received: string[] = [];
    const [a, b] = [locksOf(first), locksOf(second)];
    const stops = [a, b].map((locks, i) =>
      locks.connection.listen(
        () => locks.keys.channel('changed'),
        () => received.push('ab'.charAt(i)),
      ),
    );
    opened.push(...stops.map((close) => ({ close })));
    await eventually(() => expect([...received].sort()).toEqual(['a', 'b'])); // each once at the start
    await a.connection.run(async (client) => client.publish(await a.keys.channel('changed'), randomUUID()));
    await eventually(() => expect(received).toHaveLength(3));
    expect(received[2]).toBe('a');
    await b.connection.run(async (client) => client.publish(await b.keys.channel('changed'), randomUUID()));
    await eventually(() => expect(received.slice(2)).toEqual(['a', 'b']));
  });
});
