import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeAll, afterAll, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { LiveClient } from '../support/application.js';
import { RunningProduct } from '../support/processes.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

/** Service managers such as systemd wait at least ten seconds before they kill a service. */
const STOP_MS = 10_000;
/** More than fits into the buffers between the server and a reader. */
const REPORTS = 100_000;

describeOnEveryEngine('SIGTERM shuts the API down cleanly', (engine) => {
  let db: TestDatabase;
  let trackerId: string;
  let product: RunningProduct | undefined;
  const sockets: Socket[] = [];
  const clients: LiveClient[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    trackerId = await db.register('key');
    await db.query(
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
       SELECT 'key', now() - n * interval '500 milliseconds', ST_SetSRID(ST_MakePoint(1, 2), 4326)
       FROM generate_series(1, $1::int) AS n`,
      [REPORTS],
    );
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const client of clients.splice(0)) await client.close();
    await product?.destroy();
  });
  afterAll(() => db.drop());

  async function start(): Promise<string> {
    product = RunningProduct.server({
      DATABASE_URL: db.url,
      HISTORY_ENGINE: engine,
      PORT: '0',
      APP_ROLES: 'api',
    });
    return product.address();
  }
  async function send(address: string, request: string): Promise<Socket> {
    const socket = connect(Number(new URL(address).port), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined); // the server closes it
    await once(socket, 'connect');
    socket.write(request);
    return socket;
  }
  async function subscribe(address: string): Promise<LiveClient> {
    const client = new LiveClient(address);
    clients.push(client);
    const { seen } = client.subscribe([trackerId], new Date(Date.now() - 60_000));
    await eventually(() => expect(seen.length).toBeGreaterThan(0));
    return client;
  }
  async function expectEnd(): Promise<void> {
    const { code, ms } = await (product as RunningProduct).end('SIGTERM');
    expect({ code, output: product?.output }).toEqual({
      code: 0,
      output: expect.not.stringMatching('ERROR'),
    });
    expect(ms).toBeLessThan(STOP_MS);
  }

  it('with a subscriber, whose connection is closed with code 1001', async () => {
    const client = await subscribe(await start());
    await expectEnd();
    await eventually(() => expect(client.closedWith).toBe(1001));
  });

  it('with a subscriber that no longer reads', async () => {
    const client = await subscribe(await start());
    client.connection.pause();
    await expectEnd();
  });

  it('with unfinished requests, which are answered with 503', async () => {
    const address = await start();
    // Requests that have begun keep their connections open; the first one, never finished, keeps the server running.
    const body = '{"query":"{ trackers { id } }"}';
    const requestHead = (path: string, type: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n`;
    await send(address, `${requestHead('/graphql', 'application/json')}\r\n{"query"`);
    const graphql = await send(address, requestHead('/graphql', 'application/json'));
    const importing = await send(address, requestHead('/import/reports', 'application/x-ndjson'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const answerOf = async (socket: Socket): Promise<string> => {
      let answer = '';
      socket.on('data', (part: Buffer) => (answer += part.toString('latin1')));
      await once(socket, 'close');
      return answer;
    };
    const answers = [graphql, importing].map(answerOf);
    const ended = expectEnd();
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const socket of [graphql, importing]) socket.write(`\r\n${body}`);
    const message = 'The server is stopping; send the request again';
    const [graphqlAnswer, importAnswer] = await Promise.all(answers);
    for (const answer of [graphqlAnswer, importAnswer]) expect(answer).toMatch(/^HTTP\/1.1 503 /);
    expect(graphqlAnswer).toContain(
      JSON.stringify({ errors: [{ message, extensions: { code: 'UNAVAILABLE' } }] }),
    );
    expect(importAnswer).toContain(JSON.stringify({ error: { code: 'UNAVAILABLE', message } }));
    await ended;
  });

  it('with an export that is no longer read, and a request that is never finished', async () => {
    const address = await start();
    const [from, to] = [new Date(Date.now() - 20 * 3_600_000), new Date()].map((at) => at.toISOString());
    const reader = await send(
      address,
      `GET /export/history.csv?trackerId=${trackerId}&detail=reports&startTime=${from}&endTime=${to} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    const [begin] = (await once(reader, 'data')) as [Buffer];
    reader.pause();
    expect(begin.toString('latin1')).toMatch(/^HTTP\/1.1 200 /);
    await send(
      address,
      'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"query"',
    );
    await new Promise((resolve) => setTimeout(resolve, 500)); // until the buffers are full
    await expectEnd();
  });
});
