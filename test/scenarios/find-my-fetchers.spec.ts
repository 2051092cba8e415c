import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { FetchBrokenError } from '../../src/find-my/fetch.service.js';
import type { FetchSummary } from '../../src/find-my/fetch-summary.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { ago, aKeyPair, FetchScene, type KeyPair, addReport } from '../support/scenes/find-my-scene.js';
import { eventually } from '../support/waiting.js';

const PAIRS = Array.from({ length: 12 }, (_, i) => aKeyPair(i));

describeOnEveryEngine('fetching from the Find My endpoint', (engine) => {
  let scene: FetchScene;

  beforeAll(async () => {
    scene = await FetchScene.create(engine);
  });
  afterAll(() => scene.drop());
  beforeEach(() => scene.begin());
  afterEach(() => scene.end());

  const idOf = async (name: string): Promise<string> =>
    String(await scene.db.value('SELECT id FROM trackers WHERE name = $1', [name]));
  const runs = (): Promise<{ id: string; outcome: string; read: number; error_code: string | null }[]> =>
    scene.db.query('SELECT r.id::text, outcome, read, error_code FROM import_runs AS r ORDER BY r.id');
  /** Leaves the state of a process that was killed between its call and its transaction. */
  const leaseElsewhere = (name: string): Promise<unknown> =>
    scene.db.query(
      `INSERT INTO tracker_fetches (tracker_id, wanted_at, in_round, lease, leased_until)
       SELECT id, now(), true, gen_random_uuid(), now() + interval '1 hour' FROM trackers WHERE name = $1`,
      [name],
    );
  const expireLeases = (): Promise<unknown> =>
    scene.db.query(
      `UPDATE tracker_fetches SET leased_until = now() - interval '1 second' WHERE lease IS NOT NULL`,
    );

  it('stops at once if the password is wrong, and says so', async () => {
    scene.fake.user = 'me';
    scene.fake.password = 'right';
    await scene.registerEach(PAIRS);
    const fetcher = await scene.aFetcher({ FIND_MY_USER: 'me', FIND_MY_PASSWORD: 'wrong-secret' });
    const failure = await fetcher.fetchAll().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(FetchBrokenError);
    expect(failure).toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: 'The Find My endpoint does not accept FIND_MY_USER and FIND_MY_PASSWORD (HTTP status 401)',
      summary: { trackers: 12, asked: 0 },
    });
    expect(await scene.db.query('SELECT outcome, error_code FROM import_runs')).toEqual([
      { outcome: 'failed', error_code: 'BAD_CONFIGURATION' },
    ]);
    const everything = await scene.db.query('SELECT r::text FROM import_runs AS r');
    expect(JSON.stringify(everything)).not.toContain('wrong-secret');
    await scene.expectNothingLeft();
    const right = await scene.aFetcher({ FIND_MY_USER: 'me', FIND_MY_PASSWORD: 'right' });
    expect(await right.fetchAll()).toMatchObject({ answered: 12 });
  });

  it('gives up if the endpoint is down, and starts the next time with the trackers that wait longest', async () => {
    await scene.registerEach(PAIRS.slice(0, 6));
    scene.fake.faultOf = () => 'no-answer';
    await expect((await scene.aFetcher()).fetchAll()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(
        /^The Find My endpoint \(127\.0\.0\.1:\d+\) did not answer for 3 trackers in a row$/,
      ),
      summary: { trackers: 6, asked: 3, answered: 0 },
    });
    await scene.expectNothingLeft();
    scene.fake.faultOf = undefined;
    scene.fake.calls.length = 0;
    expect(await (await scene.aFetcher()).fetchAll()).toMatchObject({ answered: 6 });
    expect(
      scene.fake.calls.map(({ ids }) => PAIRS.findIndex((pair) => pair.hashedAdvKey === ids[0])),
    ).toEqual([3, 4, 5, 0, 1, 2]);
  });

  it('is shared by several processes, which request every tracker once', async () => {
    await scene.registerEach(PAIRS);
    for (const pair of PAIRS) addReport(scene.fake, pair, { at: ago(5) });
    scene.fake.delayMs = 150; // long enough for all of them to take part
    const fetchers = await Promise.all([scene.aFetcher(), scene.aFetcher(), scene.aFetcher()]);
    const summaries = await Promise.all(fetchers.map((fetcher) => fetcher.fetchAll()));
    const sum = (of: (summary: FetchSummary) => number): number =>
      summaries.reduce((total, one) => total + of(one), 0);
    expect(sum(({ asked }) => asked)).toBe(12);
    expect(sum(({ ledger }) => ledger?.stored ?? 0)).toBe(12);
    expect(summaries.every(({ asked }) => asked > 0)).toBe(true);
    expect(scene.fake.calls.map(({ ids }) => ids[0]).sort()).toEqual(
      PAIRS.map(({ hashedAdvKey }) => hashedAdvKey).sort(),
    );
    await scene.expectNothingLeft();
  });

  it('loses nothing when a process dies: its lease expires, and another process fetches', async () => {
    await scene.registerEach(PAIRS.slice(0, 3));
    for (const pair of PAIRS.slice(0, 3)) addReport(scene.fake, pair, { at: ago(5) });
    await leaseElsewhere('Tracker 0');
    const fetching = (await scene.aFetcher()).fetchTrackers(['Tracker 0', 'Tracker 1', 'Tracker 2']);
    await eventually(async () => {
      expect(await scene.db.value('SELECT count(*) FROM location_reports')).toBe(2);
    });
    expect(scene.fake.calls).toHaveLength(2);
    await expireLeases();
    expect(await fetching).toMatchObject({
      trackers: 3,
      asked: 3,
      answered: 3,
      ledger: { read: 3, stored: 3 },
    });
    await scene.expectNothingLeft();
  });

  it('imports each requested tracker into its own run, ahead of the others, answered or not', async () => {
    const [first, second, unanswered, last] = PAIRS as [KeyPair, KeyPair, KeyPair, KeyPair];
    const pairs = [first, second, unanswered, last];
    await scene.registerEach(pairs);
    for (const pair of pairs) addReport(scene.fake, pair, { at: ago(5) });
    scene.fake.faultOf = ([id]) => (id === unanswered.hashedAdvKey ? 'no-answer' : undefined);
    const fetcher = await scene.aFetcher();
    const answeredRun = await fetcher.request(await idOf('Tracker 1'));
    const unansweredRun = await fetcher.request(await idOf('Tracker 2'));

    const { ledger, ...summary } = await fetcher.fetchAll();
    expect(summary).toMatchObject({
      trackers: 4,
      asked: 4,
      answered: 3,
      notAnswered: [{ tracker: 'Tracker 2' }],
    });
    expect(ledger).toMatchObject({ read: 2, stored: 2 });
    expect(await runs()).toEqual([
      { id: answeredRun, outcome: 'completed', read: 1, error_code: null },
      { id: unansweredRun, outcome: 'failed', read: 0, error_code: 'UNAVAILABLE' },
      { id: ledger?.runId, outcome: 'completed', read: 2, error_code: null },
    ]);
    const asked = [...new Set(scene.fake.calls.map(({ ids }) => ids[0]))];
    expect(asked).toEqual([second, unanswered, first, last].map(({ hashedAdvKey }) => hashedAdvKey));
    await scene.expectNothingLeft();
  });

  it('fetches a requested tracker while it waits for another process', async () => {
    const pairs = PAIRS.slice(0, 2);
    await scene.registerEach(pairs);
    for (const pair of pairs) addReport(scene.fake, pair, { at: ago(5) });
    await leaseElsewhere('Tracker 0');
    const fetcher = await scene.aFetcher();
    const fetching = fetcher.fetchTrackers(['Tracker 0', 'Tracker 1']);
    await eventually(async () => {
      expect(await scene.db.value('SELECT count(*) FROM location_reports')).toBe(1);
    });
    const requested = await fetcher.request(await idOf('Tracker 1'));
    await eventually(async () => {
      expect((await runs()).find(({ id }) => id === requested)).toMatchObject({
        outcome: 'completed',
        read: 1,
      });
    });
    expect(await scene.db.value(`SELECT count(*) FROM import_runs WHERE outcome = 'running'`)).toBe(1);
    await expireLeases();
    expect(await fetching).toMatchObject({
      trackers: 2,
      asked: 3,
      answered: 3,
      ledger: { read: 2, stored: 2 },
    });
    await scene.expectNothingLeft();
  });

  it('spaces the calls of all processes', async () => {
    await scene.registerEach(PAIRS.slice(0, 6));
    const paced = { FIND_MY_MIN_INTERVAL_MS: '150' };
    const fetchers = await Promise.all([scene.aFetcher(paced), scene.aFetcher(paced)]);
    const began = Date.now();
    await Promise.all(fetchers.map((fetcher) => fetcher.fetchAll()));
    expect(scene.fake.calls).toHaveLength(6);
    expect(Date.now() - began).toBeGreaterThanOrEqual(5 * 150 - 20);
  });

  it('stops when aborted, and leaves the rest to others at once', async () => {
    await scene.registerEach(PAIRS.slice(0, 3));
    scene.fake.faults.push('hangs');
    const stop = new AbortController();
    const fetching = (await scene.aFetcher({ FIND_MY_TIMEOUT_MS: '60000' })).fetchAll({
      signal: stop.signal,
    });
    await eventually(() => expect(scene.fake.calls).toHaveLength(1));
    stop.abort(new Error('stopped'));
    await expect(fetching).rejects.toThrow('stopped');
    expect(
      await scene.db.value(
        'SELECT count(*) FROM tracker_fetches WHERE wanted_at IS NOT NULL AND lease IS NULL',
      ),
    ).toBe(3);
    expect(await scene.db.value('SELECT outcome FROM import_runs')).toBe('interrupted');
    expect(await (await scene.aFetcher()).fetchAll()).toMatchObject({ trackers: 3, answered: 3 });
  });
});
