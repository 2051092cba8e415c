import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ConsoleLogger } from '@nestjs/common';
import request from 'supertest';
import { Api, expectNothingInternal, recordStatements } from '../support/application.js';
import { HISTORY, historyQuery } from '../support/history-answers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { insertReports } from '../support/reports.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('hostile requests', (engine) => {
  let db: TestDatabase;
  let api: Api;

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: { APP_ROLES: 'api' } }); // no statements of other roles
    await db.register('good');
    await insertReports(db, [{ key: 'good', at: new Date(), latitude: 1, longitude: 2 }]);
    await db.settle();
    api = await Api.start(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  describe('over HTTP', () => {
    it.each([
      ['no JSON', 'application/json', '{"query": ', 400],
      ['no body', 'application/json', '', 400],
      ['a list', 'application/json', '[]', 400],
      ['text', 'text/plain', '{ __typename }', 400],
      ['XML', 'application/xml', '<query/>', 415],
      ['2 MB', 'application/json', JSON.stringify({ query: 'x'.repeat(2_000_000) }), 413],
    ])('are rejected as bad requests: %s', async (_what, type, body, status) => {
      const response = await request(api.server).post('/graphql').set('Content-Type', type).send(body);
      expect(response.status).toBe(status);
      expect(response.body).toEqual({
        errors: [{ message: expect.stringMatching(/./), extensions: { code: 'BAD_REQUEST' } }],
      });
      expectNothingInternal(response.text);
    });
  });

  describe('to GraphQL', () => {
    afterEach(async () => {
      expect(await api.data('{ __typename }')).toEqual({ __typename: 'Query' });
    });
    const nested = (levels: number): string =>
      `{ tracker(id: "1") { ${'latestLocation{tracker{'.repeat(levels)}id${'}}'.repeat(levels)} } }`;

    it('a short circular query needs few SQL statements', async () => {
      const { statements, result } = await recordStatements(() => api.data<{ tracker: unknown }>(nested(5)));
      expect(statements.length).toBeLessThan(10); // the polls of subscriptions may be among them
      expect(JSON.stringify(result).match(/latestLocation/g)).toHaveLength(5);
    });

    it.each([6, 300, 500, 800])(
      'a circular query of %i rounds is rejected with its depth',
      async (levels) => {
        expect(await api.error(nested(levels))).toMatchObject({
          message: `The query is ${2 * levels + 2} levels deep, and 12 are allowed`,
          extensions: { code: 'QUERY_TOO_COMPLEX', depth: 2 * levels + 2, maxDepth: 12 },
        });
      },
    );

    it('fragments that each use the next one twice are rejected at once', async () => {
      const chain = Array.from(
        { length: 60 },
        (_, i) => `fragment F${i} on Tracker { ...F${i + 1} ... on Tracker { ...F${i + 1} } }`,
      );
      const began = Date.now();
      const error = await api.error(
        `{ tracker(id: "1") { ...F0 } } ${chain.join(' ')} fragment F60 on Tracker { id }`,
      );
      expect(error.extensions.code).toBe('QUERY_TOO_COMPLEX');
      expect(Date.now() - began).toBeLessThan(2_000);
    });

    it('a query with many root fields uses few connections, and leaves the others free', async () => {
      const other = await db.pool.connect();
      try {
        await other.query('BEGIN; LOCK TABLE trackers IN ACCESS EXCLUSIVE MODE');
        const fields = Array.from(
          { length: 50 },
          (_, i) =>
            `a${i}: trackersConnection(first: ${i + 1}) { a: totalCount b: totalCount nodes { name } }`,
        );
        const answer = api.data<Record<string, unknown>>(`{ ${fields.join(' ')} }`);
        const waiting = (): Promise<number> =>
          db.value("SELECT count(*) FROM pg_locks WHERE relation = 'trackers'::regclass AND NOT granted");
        await eventually(async () => expect(await waiting()).toBeGreaterThan(0));
        await new Promise((resolve) => setTimeout(resolve, 300)); // time for more root fields to start, if any would
        expect(await waiting()).toBeLessThanOrEqual(3);
        expect((await request(api.server).get('/health/ready')).status).toBe(200);
        await other.query('COMMIT');
        const page = { a: 1, b: 1, nodes: [{ name: 'good' }] };
        expect(await answer).toEqual(Object.fromEntries(fields.map((_, i) => [`a${i}`, page])));
      } finally {
        other.release();
      }
    });

    it('a query with too many root fields is rejected', async () => {
      const fields = Array.from({ length: 51 }, (_, i) => `a${i}: historyHealth { layers { rows } }`);
      expect(await api.error(`{ ${fields.join(' ')} }`)).toMatchObject({
        message: expect.stringMatching(/51 root fields, and 50/),
        extensions: { code: 'QUERY_TOO_COMPLEX', topFields: 51, maxTopFields: 50 },
      });
    });

    it('a subscription is rejected with the address for subscriptions', async () => {
      expect(await api.error('subscription { trackerStatusChanged { id } }')).toMatchObject({
        message: expect.stringContaining('WebSocket'),
        extensions: { code: 'BAD_USER_INPUT' },
      });
    });

    it.each(['x', 1, [], { version: 1 }, { version: 1, sha256Hash: {} }])(
      'a persisted query is rejected as not supported (%j)',
      async (persistedQuery) => {
        const response = await request(api.server)
          .post('/graphql')
          .send({ query: '{ __typename }', extensions: { persistedQuery } });
        expect(response.body).toMatchObject({
          errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }],
        });
      },
    );

    it.each([
      ['35,000 levels', nested(35_000)],
      ['nested lists', `{ tracker(id: ${'['.repeat(900_000)}) { id } }`],
      [
        '10,000 queries in one',
        `{ ${Array.from({ length: 10_000 }, (_, i) => `a${i}: trackers { id }`).join(' ')} }`,
      ],
      [
        'circular fragments',
        '{ trackers { ...A } } fragment A on Tracker { ...B } fragment B on Tracker { ...A }',
      ],
      [
        'circular introspection',
        `{ __schema { types ${'{ fields { type '.repeat(20)}{ name }${' } }'.repeat(20)} } }`,
      ],
    ])('a query is rejected within two seconds: %s', async (_what, query) => {
      const began = Date.now();
      expect((await api.error(query)).extensions.code).toMatch(/^GRAPHQL_(PARSE|VALIDATION)_FAILED$/);
      expect(Date.now() - began).toBeLessThan(2_000);
    });
  });
});

describeOnEveryEngine('an error of a request', (engine) => {
  class Recorder extends ConsoleLogger {
    readonly lines: string[] = [];
    override error(...parts: unknown[]): void {
      this.lines.push(parts.join(' '));
    }
  }
  const log = new Recorder({ logLevels: ['error'] });
  let db: TestDatabase;
  let api: Api;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    await db.register('good');
    api = await Api.start(db, log);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  it('returns an id to the caller and logs all details if it is internal', async () => {
    await db.query('DROP VIEW history_in_days CASCADE');
    const error = await api.error(historyQuery({}));
    const { correlationId } = error.extensions;
    expect(error).toMatchObject({
      message: 'Something went wrong on our side',
      path: [HISTORY],
      extensions: { code: 'INTERNAL_SERVER_ERROR', correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
    const logged = log.lines.filter((line) => line.includes(String(correlationId)));
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatch(/relation "history_in_days" does not exist[\s\S]*\bat .*location-history/);
  });

  it('is CONFLICT if a refresh is already running', async () => {
    const other = await db.pool.connect();
    try {
      await other.query("SELECT pg_advisory_lock(hashtextextended('location_history:view_refresh_lock', 0))");
      const query = `mutation { refreshLocationHistoryAggregates(trackerId: "1", startTime: "2025-01-01T00:00:00Z",
        endTime: "2025-01-02T00:00:00Z") }`;
      expect(await api.error(query)).toMatchObject({
        message: 'Another refresh is running; try again in a moment',
        extensions: { code: 'CONFLICT' },
      });
    } finally {
      await other.query('SELECT pg_advisory_unlock_all()');
      other.release();
    }
  });
});
