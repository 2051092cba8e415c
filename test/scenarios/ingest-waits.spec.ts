import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import { INGEST_LOCK_TIMEOUT_MS } from '../../src/database/transactions.js';
import { findBlockers } from '../../src/database/other-transactions.js';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { ForgottenTransaction, collectWarnings } from '../support/forgotten-transaction.js';
import type { TestReport } from '../support/history-oracle.js';
import { Importer, ledgerRows, testReports, walkReports } from '../support/scenes/import-scene.js';
import { expectHistoryOf, historyToday } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { serverOf } from '../support/servers/database-servers.js';
import { sessionWaitingForLock } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

/** Indexes of the reports that the forgotten transaction has stored; each way to store reports waits for one of them. */
const [BY_FILE, BY_HTTP, BY_OWNTRACKS, BY_OVERLAND, BY_GRAPHQL] = [150, 201, 202, 203, 204];

describeOnEveryEngine('reports that a forgotten transaction blocks', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let importer: Importer;
  let folder: string;
  let trackerId: string;
  let walk: TestReport[];

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: { APP_ROLES: 'api' } });
    api = await Api.start(db);
    importer = await Importer.start(db, { IMPORT_BATCH_SIZE: 100 });
    folder = await mkdtemp(join(tmpdir(), 'walk-'));
  });
  beforeEach(async () => {
    await db.query('DELETE FROM trackers');
    await db.query('DELETE FROM import_runs');
    trackerId = await db.register('walker');
    await db.register('runner');
    const walked = walkReports(await historyToday(db), 'walker', 205);
    // The first batch of the file is of a tracker that nothing blocks.
    walk = [...testReports('runner', walked.slice(0, 100)), ...testReports('walker', walked.slice(100))];
    await insertReports(db, walk.slice(0, 1), 'ON CONFLICT DO NOTHING'); // creates the chunk of the day: its creation would block all others
    await db.query('DELETE FROM location_reports');
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await ForgottenTransaction.endAll();
  });
  afterAll(async () => {
    await api.stop();
    await importer.stop();
    await db.drop();
    await rm(folder, { recursive: true });
  });

  const report = (i: number): TestReport => walk[i] as TestReport;
  const line = ({ key, at, latitude, longitude }: TestReport): string =>
    JSON.stringify({ tracker: key, timestamp: at.toISOString(), latitude, longitude });
  const post = (path: string, body: string): request.Test =>
    request(api.server).post(`/import/${path}`).type('application/json').send(body);

  const byFile = async (): Promise<string> => {
    const file = join(folder, 'walk.ndjson');
    await writeFile(file, walk.slice(0, 200).map(line).join('\n'));
    return importer.imports.importFile(file).then(
      ({ read, stored, duplicate }) => `read ${read}, ${stored + duplicate} known`,
      (error: unknown) => (error as { code: string }).code,
    );
  };
  const status = async (test: request.Test): Promise<string> => {
    const answer = await test;
    const { error } = answer.body as { error?: { code: string } };
    return error ? `${answer.status} ${error.code}` : String(answer.status);
  };
  const byOwnTracks = (): Promise<string> => {
    const { at, latitude, longitude } = report(BY_OWNTRACKS);
    const message = { _type: 'location', lat: latitude, lon: longitude, tst: at.getTime() / 1000 };
    return status(post('owntracks?u=walker&d=phone', JSON.stringify(message)));
  };
  const byOverland = (): Promise<string> => {
    const { at, latitude, longitude } = report(BY_OVERLAND);
    const feature = {
      type: 'Feature',
      geometry: { type: 'Point', coordinates: [longitude, latitude] },
      properties: { timestamp: at.toISOString(), device_id: 'walker' },
    };
    return status(post('overland', JSON.stringify({ locations: [feature] })));
  };
  const byGraphql = async (): Promise<string> => {
    const { at, latitude, longitude } = report(BY_GRAPHQL);
    const answer = await api.ask<{ created: { outcome: string } }>(
      `mutation ($input: CreateLocationReportInput!) { created: createLocationReport(input: $input) { outcome } }`,
      { input: { trackerId, timestamp: at, latitude, longitude } },
    );
    return answer.errors?.[0]?.extensions.code ?? String(answer.data?.created.outcome);
  };
  const everyWay = (): Promise<string[]> =>
    Promise.all([
      byFile(),
      status(post('reports', line(report(BY_HTTP)))),
      byOwnTracks(),
      byOverland(),
      byGraphql(),
    ]);

  it.each(['ROLLBACK', 'COMMIT'])(
    'are to be sent again after ten seconds, and stored once, when that ends with %s',
    async (end) => {
      await db.query("INSERT INTO tracker_devices (device, tracker_id) VALUES ('walker/phone', $1)", [
        trackerId,
      ]);
      const warned = collectWarnings();
      const forgotten = await ForgottenTransaction.begin(db);
      await forgotten.insert([BY_FILE, BY_HTTP, BY_OWNTRACKS, BY_OVERLAND, BY_GRAPHQL].map(report));

      const began = performance.now();
      expect(await everyWay()).toEqual([
        'UNAVAILABLE',
        '503 UNAVAILABLE',
        '503 UNAVAILABLE',
        '503 UNAVAILABLE',
        'UNAVAILABLE',
      ]);
      const took = performance.now() - began;
      expect(took).toBeGreaterThan(INGEST_LOCK_TIMEOUT_MS - 500);
      expect(took).toBeLessThan(3 * INGEST_LOCK_TIMEOUT_MS);

      const named = new RegExp(
        `waits for by hand \\(process ${forgotten.pid}, user \\S+, idle in transaction, open since \\S+Z\\): INSERT INTO`,
      );
      expect(
        warned()
          .filter((text) => named.test(text))
          .map((text) => text.split(' waits')[0])
          .sort(),
      ).toEqual(['an import', 'createLocationReport']);
      const runs = await ledgerRows(db);
      expect(runs.find(({ kind }) => kind === 'file')).toMatchObject({
        outcome: 'failed',
        error_code: 'UNAVAILABLE',
        read: 100,
        stored: 100,
      });
      expect(runs.find(({ kind }) => kind === 'http')).toMatchObject({
        outcome: 'failed',
        error_code: 'UNAVAILABLE',
      });
      expect(
        await db.query(`SELECT read, error_code, error FROM import_runs WHERE standing IS NOT NULL`),
      ).toEqual(
        ['', ''].map(() => ({
          read: 0,
          error_code: 'UNAVAILABLE',
          error: expect.stringMatching(
            /^Asked to send again: 1 times, the last at \d\d:\d\d:\d\dZ: Another transaction has held/,
          ),
        })),
      );
      expect(await db.value('SELECT count(*) FROM location_reports')).toBe(100);

      await forgotten.end(end);
      const duplicate = end === 'COMMIT';
      expect(await everyWay()).toEqual([
        'read 200, 200 known',
        '200',
        '200',
        '200',
        duplicate ? 'DUPLICATE' : 'STORED',
      ]);
      expect(runs.length).toBe((await ledgerRows(db)).length - 1); // the run of the file is continued
      await expectHistoryOf(db, [...walk.slice(0, 200), ...walk.slice(201)]);
    },
  );

  it("wait for the product's own work", async () => {
    const forgotten = await ForgottenTransaction.begin(db);
    await forgotten.client.query(`SET application_name = 'tracker-location-history'`);
    await forgotten.insert([report(BY_GRAPHQL)]);
    const working = forgotten.client.query(`SELECT pg_sleep(${INGEST_LOCK_TIMEOUT_MS / 1000 + 3})`);
    const outcome = byGraphql();
    await working;
    await forgotten.end();
    expect(await outcome).toBe('STORED');
  });

  it('name the session at the head of a queue, also a prepared transaction', async () => {
    const [first, second, third] = [
      await ForgottenTransaction.begin(db),
      await ForgottenTransaction.begin(db),
      await ForgottenTransaction.begin(db),
    ];
    await first.client.query('SELECT pg_advisory_xact_lock(1)');
    await second.client.query('SELECT pg_advisory_xact_lock(2)');
    const waiting = [
      second.client.query('SELECT pg_advisory_xact_lock(1) AS second'),
      third.client.query('SELECT pg_advisory_xact_lock(2) AS third'),
    ];
    await sessionWaitingForLock(db, '%AS second');
    await sessionWaitingForLock(db, '%AS third');
    expect(await findBlockers(db.dataSource, third.pid)).toMatchObject([{ pid: first.pid, gid: null }]);
    await first.end();
    await waiting[0];
    await second.end();
    await waiting[1];
    await third.end();
  });

  const prepares = serverOf(engine)?.prepares === true;
  (prepares ? it : it.skip)(
    `name a prepared transaction${prepares ? '' : ' [skipped: max_prepared_transactions is 0]'}`,
    async () => {
      const [first, second] = [await ForgottenTransaction.begin(db), await ForgottenTransaction.begin(db)];
      await first.client.query(
        'CREATE TABLE IF NOT EXISTS keeps (one int PRIMARY KEY); INSERT INTO keeps VALUES (1)',
      );
      await first.client.query('COMMIT; BEGIN; DELETE FROM keeps');
      const gid = pg.escapeLiteral(db.gid);
      await first.client.query(`PREPARE TRANSACTION ${gid}`);
      const waiting = second.client.query('DELETE FROM keeps AS waiting').catch(() => undefined);
      await sessionWaitingForLock(db, '%AS waiting');
      expect(await findBlockers(db.dataSource, second.pid)).toMatchObject([{ pid: null, gid: db.gid }]);
      await first.client.query(`ROLLBACK PREPARED ${gid}`);
      await waiting;
      await first.end();
      await second.end('ROLLBACK; DROP TABLE keeps');
    },
  );
});
