import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { ImportSummary } from '../../src/import/import-summary.js';
import { describeOnEveryEngine } from '../support/engines.js';
import type { Fault, UpstreamReport } from '../support/fake-find-my.js';
import {
  aDevice,
  ago,
  aKeyPair,
  FetchScene,
  type KeyPair,
  addReport,
  addReports,
} from '../support/scenes/find-my-scene.js';
import { Random } from '../support/random.js';
import { expectHistoryOf } from '../support/history.js';

const PAIRS = Array.from({ length: 12 }, (_, i) => aKeyPair(i));
const [A, B, C] = PAIRS as [KeyPair, KeyPair, KeyPair];

describeOnEveryEngine('reports from the Find My network', (engine) => {
  let scene: FetchScene;

  beforeAll(async () => {
    scene = await FetchScene.create(engine);
  });
  afterAll(() => scene.drop());
  beforeEach(() => scene.begin());
  afterEach(() => scene.end());

  it('imports the last seven days, and counts the same reports as duplicates the second time', async () => {
    const random = new Random(5);
    const now = new Date();
    await scene.register(aDevice('Bike', [A]), aDevice('Bag', [B]));
    const reports = [A, B].flatMap((pair) => addReports(scene.fake, pair, 60, { random, now }));

    const first = await (await scene.aFetcher()).fetchAll();
    expect(first).toMatchObject({ trackers: 2, asked: 2, answered: 2, withoutReports: 0, notAnswered: [] });
    expect(first.ledger).toMatchObject({ read: 120, duplicate: 0, rejected: 0 });
    expect((first.ledger?.stored ?? 0) + (first.ledger?.late ?? 0)).toBe(120);
    expect(first.ledger?.late).toBeGreaterThan(20);
    await expectHistoryOf(scene.db, reports);
    expect(scene.fake.calls.map(({ ids, days }) => [ids, days])).toEqual(
      expect.arrayContaining([
        [[A.hashedAdvKey], 7],
        [[B.hashedAdvKey], 7],
      ]),
    );

    const second = await (await scene.aFetcher()).fetchAll();
    expect(second.ledger).toMatchObject({ read: 120, stored: 0, late: 0, duplicate: 120, rejected: 0 });
    await expectHistoryOf(scene.db, reports);
    expect(await scene.db.query(`SELECT kind, outcome, read FROM import_runs ORDER BY id`)).toEqual([
      { kind: 'find-my', outcome: 'completed', read: 120 },
      { kind: 'find-my', outcome: 'completed', read: 120 },
    ]);
    await scene.expectNothingLeft();
  });

  it("stores reports for a tracker's further keys under its first key", async () => {
    const random = new Random(6);
    const now = new Date();
    const further = PAIRS.slice(3, 6); // new keys, because a day keeps its history after its reports are gone
    const [D] = further as [KeyPair];
    await scene.register(aDevice('Bike', further));
    const reports = further.flatMap((pair, i) =>
      addReports(scene.fake, pair, 10 + i, { random, now, days: 0.5, under: D }),
    );
    const { ledger } = await (await scene.aFetcher()).fetchAll();
    expect(ledger).toMatchObject({ read: 33, stored: 33 });
    expect(scene.fake.calls).toHaveLength(1);
    expect(new Set(scene.fake.calls[0]?.ids)).toEqual(
      new Set(further.map(({ hashedAdvKey }) => hashedAdvKey)),
    );
    await expectHistoryOf(scene.db, reports);
  });

  it('distinguishes an empty answer from none, and continues with the other trackers', async () => {
    await scene.register(aDevice('Empty', [A]), aDevice('Silent', [B]), aDevice('Seen', [C]));
    addReport(scene.fake, C, { at: ago(5) });
    scene.fake.faultOf = (ids) => (ids.includes(B.hashedAdvKey) ? 'no-answer' : undefined);
    const summary = await (await scene.aFetcher()).fetchAll();
    expect(summary).toMatchObject({
      trackers: 3,
      asked: 3,
      answered: 2,
      withoutReports: 1,
      notAnswered: [{ tracker: 'Silent', failure: 'the endpoint closed the connection' }],
      ledger: { read: 1, stored: 1 },
    });
    expect(await trackers(scene)).toEqual([
      { name: 'Empty', asked: true, failures: 0 },
      { name: 'Seen', asked: true, failures: 0 },
      { name: 'Silent', asked: false, failures: 1 },
    ]);
    expect(scene.fake.calls.filter(({ ids }) => ids.includes(B.hashedAdvKey))).toHaveLength(3); // it retries
    await scene.expectNothingLeft();
  });

  it('retries without an answer, or after an unreadable one', async () => {
    const faults: Fault[] = [
      'no-answer', 'hangs', 'never-ends', 'cut', 'empty', 'no-json', 'apple-says-no', { status: 501 }, { status: 504 },
    ]; // prettier-ignore
    await scene.register(...faults.map((fault, i) => aDevice(JSON.stringify(fault), [PAIRS[i] as KeyPair])));
    for (const pair of PAIRS.slice(0, faults.length)) addReport(scene.fake, pair, { at: ago(5) });
    const left = new Map(faults.map((fault, i) => [PAIRS[i]?.hashedAdvKey, fault]));
    scene.fake.faultOf = ([id]) => {
      const fault = left.get(id);
      left.delete(id);
      return fault;
    };
    const summary = await (await scene.aFetcher()).fetchAll();
    expect(summary).toMatchObject({
      answered: faults.length,
      notAnswered: [],
      ledger: { read: faults.length, stored: faults.length, rejected: 0 },
    });
    expect(scene.fake.calls).toHaveLength(2 * faults.length);
  });

  it('rejects invalid and unrequested entries with a reason', async () => {
    const { fake } = scene;
    await scene.register(aDevice('Bike', [A]));
    addReport(fake, A, { at: ago(5) });
    /** A report of the endpoint, modified in transit. */
    const changed = (pair: KeyPair, at: Date, change: (payload: Buffer) => void): UpstreamReport => {
      addReport(fake, pair, { at });
      const report = fake.reports.pop() as UpstreamReport;
      const payload = Buffer.from(report.payload, 'base64');
      change(payload);
      return { ...report, payload: payload.toString('base64') };
    };
    const asItIs = (): void => undefined;
    const whole = changed(A, ago(7), asItIs);
    fake.extra.push(
      changed(B, ago(6), asItIs), // a key that was not requested
      { ...whole, id: 17 },
      changed(A, ago(8), (payload) => payload.writeUInt8(payload.readUInt8(70) ^ 1, 70)),
      { ...whole, payload: 'not base64!' },
      { ...whole, payload: whole.payload.slice(0, 60) },
      null,
      changed(A, ago(-60), asItIs), // an hour in the future
      changed(A, ago(9), (payload) => payload.writeUInt32BE(payload.readUInt32BE(0) - 9 * 86_400, 0)),
    );

    const { ledger } = await (await scene.aFetcher()).fetchAll();
    expect(ledger).toMatchObject({ read: 9, stored: 1, late: 0, duplicate: 0, rejected: 8 });
    expect(reasons(ledger)).toEqual({ undecodable: 4, unasked_key: 2, future: 1, outside_window: 1 });
    expect(await scene.db.value('SELECT count(*) FROM location_reports')).toBe(1);
    expect(await scene.db.value('SELECT count(*) FROM rejected_reports')).toBe(8);
  });

  it('rejects (0, 0) and impossible positions', async () => {
    await scene.register(aDevice('Bike', [A]));
    addReport(scene.fake, A, { at: ago(5), latitude: 0, longitude: 0 });
    addReport(scene.fake, A, { at: ago(6), latitude: 100, longitude: 0 });
    const { ledger } = await (await scene.aFetcher()).fetchAll();
    expect(reasons(ledger)).toEqual({ null_island: 1, out_of_range: 1 });
  });

  it('does not start if the keys cannot be decrypted', async () => {
    await scene.register(aDevice('Bike', [A]));
    const other = await scene.aFetcher({
      TRACKER_KEY_ENCRYPTION_KEY: Buffer.alloc(32, 9).toString('base64'),
    });
    await expect(other.fetchAll()).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: expect.stringContaining('do not decrypt all private keys: '),
    });
    expect(scene.fake.calls).toEqual([]);
    await expect((await scene.aFetcher()).fetchTrackers(['Bike', 'Nobody'])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'There is no tracker named "Nobody"',
    });
  });
});

function trackers(scene: FetchScene): Promise<{ name: string; asked: boolean; failures: number | null }[]> {
  return scene.db.query(
    `SELECT t.name, t.last_report_requested IS NOT NULL AS asked, f.failures
     FROM trackers AS t LEFT JOIN tracker_fetches AS f ON f.tracker_id = t.id ORDER BY t.name`,
  );
}

function reasons(ledger: ImportSummary | null): Record<string, number> {
  return Object.fromEntries(ledger?.rejections.map(({ reason, reports }) => [reason, reports]) ?? []);
}
