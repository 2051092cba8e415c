import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import request from 'supertest';
import { refusedConnections } from '../../src/database/refused-connections.js';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { SwitchableProxy } from '../support/servers/switchable-proxy.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const FULL =
  /^The database server has no free connection \(max_connections, or the limit of the role or the database\)/;

const MINUTE = 61_000;
let aheadMs = 0;

interface Health {
  status: string;
  details: Record<string, { status: string; message?: string }>;
}

describeOnEveryEngine('a database server without a free connection', (engine) => {
  let db: TestDatabase;
  let api: Api;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    api = await Api.start(db, false, { APP_ROLES: ['api'] });
  });
  beforeEach(() => {
    aheadMs += MINUTE; // connections refused to earlier tests are no longer recent
    jest.spyOn(refusedConnections, 'now').mockImplementation(() => performance.now() + aheadMs);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await db.administer(`ALTER DATABASE ${db.name} CONNECTION LIMIT -1`);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  const ready = async (): Promise<Health & { code: number }> => {
    const answer = await request(api.server).get('/health/ready');
    return { code: answer.status, ...(answer.body as Health) };
  };
  const ask = async (query: string): Promise<{ code: string; message: string }[]> =>
    ((await api.ask(query)).errors ?? []).map(({ message, extensions: { code } }) => ({ code, message }));

  it('is reported as full, not as unreachable, by requests and, for a minute, by readiness', async () => {
    const healthy = { code: 200, status: 'ok', details: { connections: { status: 'up' } } };
    await eventually(async () => expect(await ready()).toMatchObject(healthy)); // the listener connects later
    // Keep the connections of the process busy, and let it open no more.
    const other = await db.pool.connect();
    await other.query('BEGIN; LOCK TABLE trackers');
    await db.administer(`ALTER DATABASE ${db.name} CONNECTION LIMIT 1`);
    const answers = Promise.all(Array.from({ length: 20 }, () => ask('{ trackers { id } }')));
    await eventually(() => expect(refusedConnections.isRecent).toBe(true));
    await other.query('ROLLBACK');
    other.release();
    const errors = (await answers).flat();
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) {
      expect(error).toEqual({ code: 'UNAVAILABLE', message: expect.stringMatching(FULL) as unknown });
    }

    await db.administer(`ALTER DATABASE ${db.name} CONNECTION LIMIT -1`);
    expect(await ready()).toMatchObject({
      code: 200,
      status: 'degraded',
      details: {
        database: { status: 'up' },
        connections: {
          status: 'degraded',
          message: expect.stringContaining('had no free connection') as unknown,
        },
      },
    });
    aheadMs += MINUTE;
    await eventually(async () => expect(await ready()).toMatchObject(healthy));
  });

  it('makes a process without any connection not ready, and readiness names the reason', async () => {
    const proxy = await SwitchableProxy.start(db.url);
    const other = await Api.start(db, false, { APP_ROLES: ['api'], DATABASE_URL: proxy.url });
    try {
      await db.administer(`ALTER DATABASE ${db.name} CONNECTION LIMIT 0`);
      await proxy.close();
      await proxy.open();
      await eventually(async () => {
        const answer = await request(other.server).get('/health/ready');
        const { details } = answer.body as Health;
        expect({ status: answer.status, database: details['database'] }).toMatchObject({
          status: 503,
          database: { status: 'down', message: expect.stringMatching(FULL) as unknown },
        });
      });
      await db.administer(`ALTER DATABASE ${db.name} CONNECTION LIMIT -1`);
      await proxy.close();
      await eventually(async () => {
        const answer = await request(other.server).get('/health/ready');
        expect((answer.body as Health).details['database']?.message).toBe(
          'The database cannot be reached at the moment',
        );
      });
    } finally {
      await other.stop();
      await proxy.close();
    }
  });
});
