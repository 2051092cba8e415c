import { type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { expectNothingInternal } from '../support/application.js';
import { ImportScene } from '../support/scenes/import-scene.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf } from '../support/history.js';
import { eventually } from '../support/waiting.js';

const TOKEN = 'a-token-of-the-import-that-is-long';
const BATCH = 100;

describeOnEveryEngine('POST /import/reports', (engine) => {
  const scene = new ImportScene(engine, {
    env: {
      IMPORT_TOKEN: TOKEN,
      IMPORT_BATCH_SIZE: String(BATCH),
      IMPORT_MAX_BODY_MB: '1',
      APP_ROLES: 'api',
    },
    api: true,
  });

  const walk = (length: number): TestReport[] =>
    Array.from({ length }, (_, i) => ({
      key: scene.key,
      at: new Date(at(scene.today, -1, '06:00:00').getTime() + i * 1000),
      latitude: 50 + i / 10_000,
      longitude: 8,
    }));
  const line = ({ at: timestamp, latitude, longitude }: TestReport, tracker?: string): string =>
    `${JSON.stringify({ tracker, timestamp, latitude, longitude })}\n`;
  const ndjson = (reports: readonly TestReport[]): string =>
    reports.map((one) => line(one, scene.key)).join('');
  const post = (path = '/import/reports'): request.Test =>
    request(scene.api.server).post(path).set('authorization', `Bearer ${TOKEN}`);
  const runs = (): Promise<Record<string, unknown>[]> =>
    scene.db.query('SELECT id::text, kind, outcome, read, stored FROM import_runs ORDER BY id');

  it('responds with the ledger of the run, whatever the content type', async () => {
    const reports = walk(250);
    const wrong = `${line({ ...(walk(1)[0] as TestReport), latitude: 91 }, scene.key)}garbage\n`;
    const { status, body } = (await post()
      .type('application/json')
      .send(`${ndjson(reports)}${wrong}`)) as {
      status: number;
      body: Record<string, unknown>;
    };
    expect(status).toBe(200);
    expect(body).toMatchObject({
      format: 'ndjson',
      read: 252,
      stored: 250,
      rejected: 2,
      rejections: [
        { reason: 'out_of_range', reports: 1, firstPosition: 251 },
        { reason: 'undecodable', reports: 1, firstPosition: 252 },
      ],
    });
    expect(await runs()).toEqual([
      { id: body['runId'], kind: 'http', outcome: 'completed', read: 252, stored: 250 },
    ]);
    await expectHistoryOf(scene.db, reports);

    const again = await post().type('application/x-ndjson').send(ndjson(reports));
    expect(again.body).toMatchObject({ read: 250, stored: 0, duplicate: 250 });
  });

  it('accepts gzip, and a tracker name in the query', async () => {
    const reports = walk(130);
    const gzipped = gzipSync(reports.map((one) => line(one)).join(''));
    const answer = await post(`/import/reports?tracker=${encodeURIComponent(scene.key)}`)
      .type('application/gzip')
      .set('content-encoding', 'gzip')
      .send(gzipped);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ read: 130, stored: 130 });
    await expectHistoryOf(scene.db, reports);
  });

  it('stores reports while it receives more', async () => {
    const { port } = scene.api.server.address() as AddressInfo;
    const sending = httpRequest({
      port,
      method: 'POST',
      path: '/import/reports',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const response = new Promise<IncomingMessage>((resolve, reject) =>
      sending.on('response', resolve).on('error', reject),
    );
    const reports = walk(350);
    sending.write(ndjson(reports.slice(0, 220)));
    await eventually(async () => expect((await runs())[0]).toMatchObject({ outcome: 'running', read: 200 }));

    sending.write(ndjson(reports.slice(220)));
    sending.end();
    const answer = await response;
    answer.resume();
    expect(answer.statusCode).toBe(200);
    await expectHistoryOf(scene.db, reports);
  });

  describe('with errors', () => {
    it.each([
      ['an empty body', '', 400, 'BAD_USER_INPUT', /an empty file/],
      ['an unsupported format', 'PK\u0003\u0004 and more', 400, 'BAD_USER_INPUT', /zip archive/],
      ['a body that is too long', '{"a":1}\n'.repeat(140_000), 413, 'TOO_LARGE', /longer than 1048576 bytes/],
    ])('rejects %s', async (_what, body, status, code, message) => {
      const answer = await post().send(body);
      expect(answer.status).toBe(status);
      expect(answer.body).toMatchObject({
        error: { code, message: expect.stringMatching(message) as unknown },
      });
      expectNothingInternal(answer.body);
    });

    it('rejects an unknown tracker, and two trackers', async () => {
      const unknown = await post('/import/reports?tracker=nobody').send(ndjson(walk(1)));
      expect(unknown.status).toBe(404);
      expect(unknown.body).toMatchObject({ error: { code: 'NOT_FOUND', argument: 'tracker' } });
      const twice = await post('/import/reports?tracker=a&tracker=b').send(ndjson(walk(1)));
      expect(twice.body).toMatchObject({ error: { code: 'BAD_USER_INPUT', argument: 'tracker' } });
      expect(await runs()).toEqual([]);
    });

    it('rejects a truncated body, with the ledger of the reports before the truncation', async () => {
      const gzipped = gzipSync(ndjson(walk(5000)), { level: 0 });
      const answer = await post().send(gzipped.subarray(0, gzipped.length / 2));
      expect(answer.status).toBe(400);
      const { error } = answer.body as { error: { code: string; message: string; ledger: { read: number } } };
      expect(error).toMatchObject({
        code: 'BAD_USER_INPUT',
        message: expect.stringContaining('the gzip data is truncated'),
      });
      expect(error.ledger.read).toBeGreaterThan(1000);
      expect(await runs()).toMatchObject([{ outcome: 'broken', read: error.ledger.read }]);
    });

    it('stores the reports of a client that disconnects, and ends the run', async () => {
      const { port } = scene.api.server.address() as AddressInfo;
      const sending = httpRequest({
        port,
        method: 'POST',
        path: '/import/reports',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-length': '100000' },
      });
      sending.on('error', () => undefined);
      sending.write(ndjson(walk(120)));
      await eventually(async () => expect(await runs()).toMatchObject([{ read: 100 }]));
      sending.destroy();
      await eventually(async () => expect(await runs()).toMatchObject([{ outcome: 'broken', read: 120 }]));
      await expectHistoryOf(scene.db, walk(120));
    });
  });

  describe('with a token', () => {
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

    it.each([
      ['Bearer', `Bearer ${TOKEN}`, 200],
      ['bearer', `bearer ${TOKEN}`, 200],
      ['Basic', basic(`anybody:${TOKEN}`), 200],
      ['none', undefined, 401],
      ['a wrong token', 'Bearer another', 401],
      ['part of the token', `Bearer ${TOKEN.slice(0, -1)}`, 401],
      ['the token as user name', basic(`${TOKEN}:`), 401],
      ['an invalid header', 'Nonsense', 401],
    ])('checks the authorization: %s', async (_what, authorization, status) => {
      const one = request(scene.api.server)
        .post('/import/reports')
        .send(ndjson(walk(1)));
      const answer = await (authorization === undefined ? one : one.set('authorization', authorization));
      expect(answer.status).toBe(status);
      if (status === 401) {
        expect(answer.headers['www-authenticate']).toContain('Basic');
        expect(answer.body).toMatchObject({ error: { code: 'UNAUTHENTICATED' } });
        expect(JSON.stringify(answer.body)).not.toContain(TOKEN.slice(0, 10));
        expect(await runs()).toEqual([]);
      }
    });
  });

  it('shows runs and their rejected reports over GraphQL, page by page', async () => {
    const lines = [
      ...walk(3).map((one) => line(one, 'nobody')),
      'garbage\n',
      line(walk(1)[0] as TestReport, scene.key),
    ];
    const { runId } = (await post().send(lines.join(''))).body as { runId: string };
    await post().send(ndjson(walk(2)));
    const fields =
      'id kind outcome read stored late duplicate rejected rejections { reason reports kept retaken }';
    const { importRuns, first, importRun, none } = await scene.api.data<Record<string, unknown[]>>(
      `query ($id: ID!) {
         importRuns { ${fields} trackers { trackerName stored duplicate } }
         first: importRuns(limit: 1, kind: "http", outcome: "completed") { id }
         importRun(id: $id) { ${fields} }
         none: importRun(id: "123456789") { id }
       }`,
      { id: runId },
    );
    expect(importRuns).toMatchObject([
      {
        kind: 'http',
        read: 2,
        stored: 1,
        duplicate: 1,
        trackers: [{ trackerName: scene.key, stored: 1, duplicate: 1 }],
      },
      { id: runId, read: 5, trackers: [{ trackerName: scene.key, stored: 1, duplicate: 0 }] },
    ]);
    expect(importRun).toEqual({
      id: runId,
      kind: 'http',
      outcome: 'completed',
      read: 5,
      stored: 1,
      late: 0,
      duplicate: 0,
      rejected: 4,
      rejections: [
        { reason: 'unknown_tracker', reports: 3, kept: 3, retaken: 0 },
        { reason: 'undecodable', reports: 1, kept: 1, retaken: 0 },
      ],
    });
    expect(none).toBeNull();
    const [newest] = first as [{ id: string }];
    const { before } = await scene.api.data<{ before: unknown }>(
      `{ before: importRuns(before: "${newest.id}") { id } }`,
    );
    expect(before).toEqual([{ id: runId }]);

    const page = `query ($after: ID) { page: rejectedReports(runId: "${runId}", reason: "unknown_tracker", limit: 2, after: $after) {
      id position tracker timestamp latitude longitude message } }`;
    const one = await scene.api.data<{ page: { id: string; position: number }[] }>(page);
    expect(one.page).toMatchObject([
      { position: 1, tracker: 'nobody', latitude: 50, longitude: 8 },
      { position: 2 },
    ]);
    const two = await scene.api.data<{ page: unknown[] }>(page, { after: one.page[1]?.id });
    expect(two.page).toMatchObject([{ position: 3 }]);
    expect(await scene.api.error('{ importRun(id: "x") { id } }')).toMatchObject({
      extensions: { code: 'BAD_USER_INPUT' },
    });
    expect(await scene.api.error('{ rejectedReports(limit: 1001) { id } }')).toMatchObject({
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it('accepts a device once it is assigned to a tracker', async () => {
    const { trackers } = await scene.api.data<{ trackers: { id: string }[] }>('{ trackers { id } }');
    const assign = 'mutation ($device: String!, $id: ID) { assignDevice(device: $device, trackerId: $id) }';
    await scene.api.data(assign, { device: 'jane/phone', id: trackers[0]?.id });
    expect(await scene.api.data('{ trackerDevices { device trackerId } }')).toEqual({
      trackerDevices: [{ device: 'jane/phone', trackerId: trackers[0]?.id }],
    });
    const reports = walk(2);
    const named = await post().send(reports.map((one) => line(one, 'jane/phone')).join(''));
    expect(named.body).toMatchObject({ read: 2, stored: 2 });
    await expectHistoryOf(scene.db, reports);
    await scene.api.data(assign, { device: 'jane/phone' });
    expect(await scene.api.data('{ trackerDevices { device } }')).toEqual({ trackerDevices: [] });
    expect(await scene.api.error(assign, { device: 'x', id: '12345' })).toMatchObject({
      extensions: { code: 'NOT_FOUND' },
    });
  });
});
