import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Api, LiveClient } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

/** Time for this one process to write and read 200,000 updates. */
const LONG_MS = 60_000;

describeOnEveryEngine('live subscribers', (engine) => {
  let db: TestDatabase;
  let apis: Api[];
  let clients: LiveClient[] = [];
  let trackers = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    apis = [await Api.start(db), await Api.start(db)];
  });
  afterAll(async () => {
    await Promise.all(apis.map((api) => api.stop()));
    await db.drop();
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    clients = [];
  });

  const clientOf = (instance: number): LiveClient => {
    const client = new LiveClient((apis[instance] as Api).server);
    clients.push(client);
    return client;
  };
  async function newTrackers(count: number): Promise<{ id: string; key: string }[]> {
    const created = [];
    for (let i = 0; i < count; i++) {
      const key = `live ${++trackers}`;
      created.push({ id: await db.register(key), key });
    }
    return created;
  }
  /** Inserts `count` reports at one-second steps, starting `first` seconds after the time an hour ago. */
  async function report(key: string, first: number, count: number): Promise<void> {
    await db.query(
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
       SELECT $1, date_trunc('second', now()) - interval '1 hour' + make_interval(secs => n),
         ST_SetSRID(ST_MakePoint(1, n / 100.0), 4326)
       FROM generate_series($2::int, $3::int) AS n`,
      [key, first, first + count - 1],
    );
  }
  const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * 3_600_000);
  const latitudes = (count: number): number[] => Array.from({ length: count }, (_, i) => (i + 1) / 100);
  const seenOf = (seen: { trackerId: string; location: { latitude: number } }[], id: string): number[] =>
    seen.filter(({ trackerId }) => trackerId === id).map(({ location }) => location.latitude);

  it(
    'receive 1,000 updates in order without loss (200 on two instances), even if one stops reading',
    async () => {
      const [a, b] = (await newTrackers(2)) as [{ id: string; key: string }, { id: string; key: string }];
      const since = hoursAgo(2);
      const slow = clientOf(0);
      const subscribers = Array.from({ length: 20 }, (_, i) => clientOf(i % 2)).flatMap((client) =>
        Array.from({ length: 10 }, () => client.subscribe([a.id, b.id], since)),
      );
      const stopped = slow.subscribe([a.id, b.id], since);
      await report(a.key, 1, 1);
      await eventually(() => expect(stopped.seen).toHaveLength(1));
      slow.connection.pause();
      // The server ends a subscriber that does not read for a minute; on a slow machine the others may take longer.
      const resumeTimer = setTimeout(() => slow.connection.resume(), 40_000);

      for (let i = 0; i < 500; i += 100) {
        await report(a.key, i + 1 + (i === 0 ? 1 : 0), 100 - (i === 0 ? 1 : 0));
        await report(b.key, i + 1, 100);
      }
      await eventually(() => {
        // A cheap check, because this process also writes the updates.
        const behind = subscribers.filter(({ seen, errors }) => seen.length < 1000 && errors.length === 0);
        if (behind.length > 0) throw new Error(`${behind.length} still wait for updates`);
      }, LONG_MS);
      for (const { seen, errors } of subscribers) {
        expect(errors).toEqual([]);
        expect(seen).toHaveLength(1000);
        for (const { id } of [a, b]) expect(seenOf(seen, id)).toEqual(latitudes(500));
      }

      clearTimeout(resumeTimer);
      slow.connection.resume();
      await eventually(() => expect(stopped.seen).toHaveLength(1000), LONG_MS);
      for (const { id } of [a, b]) expect(seenOf(stopped.seen, id)).toEqual(latitudes(500));
    },
    3 * LONG_MS,
  );

  it('receive new reports, but none older than the newest one at the subscription', async () => {
    const [tracker] = (await newTrackers(1)) as [{ id: string; key: string }];
    await report(tracker.key, 100, 1);
    const { seen } = clientOf(0).subscribe([tracker.id]);
    const control = clientOf(1).subscribe([tracker.id], hoursAgo(2));
    await eventually(() => expect(control.seen).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 200)); // until the first subscription has read where to start
    await report(tracker.key, 50, 1);
    await report(tracker.key, 101, 1);
    await eventually(() => expect(seenOf(seen, tracker.id)).toEqual([1.01]));
    await eventually(() => expect(seenOf(control.seen, tracker.id)).toEqual([1, 1.01]));
  });

  it('resume from the time of their last update', async () => {
    const [tracker] = (await newTrackers(1)) as [{ id: string; key: string }];
    const first = clientOf(0).subscribe([tracker.id], hoursAgo(2));
    await report(tracker.key, 1, 10);
    await eventually(() => expect(first.seen).toHaveLength(10));
    first.end();
    await report(tracker.key, 11, 300); // more than the queue of a subscriber can hold
    const resumed = clientOf(1).subscribe([tracker.id], new Date(first.seen.at(-1)?.timestamp ?? ''));
    await eventually(() => expect(resumed.seen).toHaveLength(300));
    expect(seenOf([...first.seen, ...resumed.seen], tracker.id)).toEqual(latitudes(310));
  });

  it('receive status changes of their trackers, from GraphQL and SQL', async () => {
    const [a, b] = (await newTrackers(2)) as [{ id: string; key: string }, { id: string; key: string }];
    const query = `subscription ($ids: [ID!]) {
      trackerStatusChanged(trackerIds: $ids) { trackerId trackerName status previousStatus reason }
    }`;
    const seenBy = (instance: number, ids: string[] | null): unknown[] => {
      const seen: unknown[] = [];
      clientOf(instance).client.subscribe<{ trackerStatusChanged: unknown }>(
        { query, variables: { ids } },
        {
          next: ({ data }) => seen.push(data?.trackerStatusChanged),
          error: (error) => seen.push(error),
          complete: () => undefined,
        },
      );
      return seen;
    };
    const [all, some] = [seenBy(0, null), seenBy(1, [b.id])];
    await new Promise((resolve) => setTimeout(resolve, 500)); // until both subscriptions have read once
    await (apis[0] as Api).data(
      `mutation { setTrackerStatus(trackerId: "${a.id}", status: IN_TRANSIT, note: "sold") { id } }`,
    );
    await db.query(`UPDATE trackers SET current_status = 'DELIVERED' WHERE id = $1`, [b.id]);
    const changes = [
      {
        trackerId: a.id,
        trackerName: a.key,
        status: 'IN_TRANSIT',
        previousStatus: 'CREATED',
        reason: 'sold',
      },
      { trackerId: b.id, trackerName: b.key, status: 'DELIVERED', previousStatus: 'CREATED', reason: null },
    ];
    await eventually(() => expect(all).toEqual(changes));
    await eventually(() => expect(some).toEqual([changes[1]]));
  });

  describe('are rejected', () => {
    it.each([
      ['an unknown tracker', ['987654321'], null, 'NOT_FOUND', /987654321/],
      ['an invalid id', ['x'], null, 'BAD_USER_INPUT', /trackerIds/],
      ['no tracker at all', [], null, 'BAD_USER_INPUT', /1 to 1000/],
      ['a time before the retention', null, '2020-01-01T00:00:00Z', 'BAD_USER_INPUT', /^since/],
    ])('with %s', async (_what, ids, since, code, message) => {
      const { errors } = clientOf(0).run(
        'subscription ($ids: [ID!]!, $since: DateTime) { locationUpdated(trackerIds: $ids, since: $since) { trackerId } }',
        { ids: ids ?? [(await newTrackers(1))[0]?.id], since },
      );
      await eventually(() => expect(errors).toHaveLength(1));
      expect(errors[0]).toMatchObject({
        message: expect.stringMatching(message),
        extensions: { code },
      });
    });

    it('when the operation is not a subscription', async () => {
      const { errors } = clientOf(0).run('{ trackers { id } }');
      await eventually(() =>
        expect(errors[0]).toMatchObject({
          message: expect.stringContaining('POST'),
          extensions: { code: 'BAD_USER_INPUT' },
        }),
      );
    });

    const TIMED =
      'subscription ($since: DateTime!) { locationUpdated(trackerIds: ["1"], since: $since) { source } }';
    const ONE = 'subscription A { trackerStatusChanged { id } }';
    it.each([
      ['an invalid document', 'subscription {', {}, 'GRAPHQL_PARSE_FAILED'],
      ['an empty document', '', {}, 'GRAPHQL_PARSE_FAILED'],
      ['a document that is too long', `subscription { ${'a '.repeat(5001)} }`, {}, 'GRAPHQL_PARSE_FAILED'],
      ['an unknown field', 'subscription { trackerMoved { id } }', {}, 'GRAPHQL_VALIDATION_FAILED'],
      ['a missing variable', TIMED, {}, 'BAD_USER_INPUT'],
      ['a variable that is not a time', TIMED, { since: 'yesterday' }, 'BAD_USER_INPUT'],
      [
        'an invalid time in the document',
        TIMED.replace('($since: DateTime!)', '').replace('$since)', '"x")'),
        {},
        'GRAPHQL_VALIDATION_FAILED',
      ],
      [
        'two operations without a name',
        `${ONE} ${ONE.replace('A', 'B')}`,
        {},
        'OPERATION_RESOLUTION_FAILURE',
      ],
    ])('with %s', async (_what, query, variables, code) => {
      const { errors } = clientOf(0).run(query, variables);
      await eventually(() => expect(errors).toHaveLength(1));
      expect(errors[0]).toMatchObject({ extensions: { code } });
    });

    it('when the document does not have the operation', async () => {
      const { errors } = clientOf(0).run(ONE, {}, 'C');
      await eventually(() => expect(errors).toHaveLength(1));
      expect(errors[0]).toMatchObject({
        message: expect.stringContaining('"C"'),
        extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
      });
    });

    it('when a connection has too many subscriptions', async () => {
      const [tracker] = (await newTrackers(1)) as [{ id: string; key: string }];
      const client = clientOf(0);
      const all = Array.from({ length: 21 }, () => client.subscribe([tracker.id]));
      await eventually(() => expect(all.filter(({ errors }) => errors.length > 0)).toHaveLength(1));
      expect(all.flatMap(({ errors }) => errors)[0]).toMatchObject({
        message: expect.stringContaining('20 subscriptions'),
      });
    });
  });

  it.each(['/other', '/graphqlX', '//['])(
    'the server survives a WebSocket upgrade at %s that is reset',
    async (path) => {
      const { port } = (apis[0] as Api).server.address() as AddressInfo;
      const answer = await new Promise<string>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.write(
            `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
              'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
          );
        });
        socket.once('data', (data) => {
          socket.resetAndDestroy();
          resolve(data.toString());
        });
      });
      expect(answer).toMatch(/^HTTP\/1.1 404 /);
      expect(await (apis[0] as Api).data('{ __typename }')).toEqual({ __typename: 'Query' });
    },
  );
});
