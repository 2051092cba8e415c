import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { Api } from '../support/application.js';
import { TestDatabase } from '../support/test-database.js';

/** Uses a real socket and the fetch() of Node.js, with one engine, because the engine makes no difference here. */
describe('GraphQL over HTTP', () => {
  let db: TestDatabase;
  let api: Api;
  let url = '';

  beforeAll(async () => {
    db = await TestDatabase.create('postgresql');
    await db.register('bike');
    api = await Api.start(db);
    url = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}/graphql`;
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  // A GET must carry a header that no form or image of another site can send; otherwise such a site could send requests
  // on behalf of its visitors.
  const fetchWithHeader: typeof fetch = (to, init) =>
    fetch(to, { ...init, headers: { ...(init?.headers as object), 'apollo-require-preflight': 'true' } });
  const audits = serverAudits({ url: () => url, fetchFn: fetchWithHeader });

  describe('in the audits of graphql-http', () => {
    it('is tested by more than 50 audits', () => {
      expect(audits.length).toBeGreaterThan(50);
    });

    it.each(audits.map((audit) => [audit.name, audit] as const))('passes: %s', async (_name, audit) => {
      expect(await audit.fn()).toMatchObject({ status: 'ok' });
    });
  });

  describe('with fetch()', () => {
    const post = async (body: unknown, accept = 'application/json'): Promise<Response> =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept },
        body: JSON.stringify(body),
      });

    it('returns data, and accepts variables as JSON', async () => {
      const response = await post({
        query:
          'query ($first: Int!) { trackersConnection(first: $first) { nodes { name } pageInfo { hasNextPage } } }',
        variables: { first: 5 },
      });
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({
        data: { trackersConnection: { nodes: [{ name: 'bike' }], pageInfo: { hasNextPage: false } } },
      });
    });

    it('accepts GET', async () => {
      const response = await fetch(`${url}?query=${encodeURIComponent('{ trackers { name } }')}`, {
        headers: { accept: 'application/graphql-response+json', 'apollo-require-preflight': 'true' },
      });
      expect(response.headers.get('content-type')).toContain('application/graphql-response+json');
      expect(await response.json()).toEqual({ data: { trackers: [{ name: 'bike' }] } });
    });

    it('rejects a query that is too expensive, with its cost', async () => {
      const query = `{ trackers(limit: 10000) { locationHistory(first: 10000) { id } } }`;
      expect((await post({ query })).status).toBe(200);
      const response = await post({ query }, 'application/graphql-response+json');
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({
        errors: [
          {
            message:
              'The answer may have 100010000 rows, and 100000 are allowed; ask for fewer rows, or in several queries',
            extensions: { code: 'QUERY_TOO_COMPLEX', cost: 100_010_000, maxCost: 100_000 },
          },
        ],
      });
    });

    it('returns the whole schema', async () => {
      const { getIntrospectionQuery, buildClientSchema } = await import('graphql');
      const { data } = (await (await post({ query: getIntrospectionQuery() })).json()) as {
        data: Parameters<typeof buildClientSchema>[0];
      };
      expect(Object.keys(buildClientSchema(data).getQueryType()?.getFields() ?? {})).toContain(
        'locationHistory',
      );
    });
  });
});
