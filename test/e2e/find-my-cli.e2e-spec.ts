import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { KeyImportService } from '../../src/tracker-keys/key-import.service.js';
import { KeyImportModule } from '../../src/tracker-keys/key-import.module.js';
import { expectNothingInternal, commandConfig, openModule } from '../support/application.js';
import { TestDatabase } from '../support/test-database.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { FakeFindMy } from '../support/fake-find-my.js';
import {
  aDevice,
  ago,
  aKeyPair,
  ENCRYPTION_KEY,
  expectNoSecretsIn,
  fetchingFrom,
  type KeyPair,
  addReport,
} from '../support/scenes/find-my-scene.js';
import { type Ended, RunningProduct, runCli } from '../support/processes.js';
import { eventually } from '../support/waiting.js';

const PAIRS = Array.from({ length: 12 }, (_, i) => aKeyPair(i));
const [A, B, C] = PAIRS as [KeyPair, KeyPair, KeyPair];
const PASSWORD = 'a password of the endpoint';
const NEW_KEY = Buffer.alloc(32, 8).toString('base64');

describeOnEveryEngine('tracker keys and tracker fetch', (engine) => {
  let db: TestDatabase;
  let fake: FakeFindMy;
  let folder = '';
  /** The output of all commands. */
  let output = '';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'find-my-'));
    db = await TestDatabase.create(engine);
  });
  afterAll(async () => {
    await db.drop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    fake = await FakeFindMy.start();
    fake.user = 'me';
    fake.password = PASSWORD;
    output = '';
    await db.query('DELETE FROM trackers');
    await db.query('DELETE FROM location_reports');
  });
  afterEach(async () => {
    await fake.stop();
    expectNoSecretsIn(output, PAIRS);
    expectNoSecretsIn(await db.allRowsAsText(), PAIRS);
    for (const secret of [ENCRYPTION_KEY, NEW_KEY, PASSWORD]) expect(output).not.toContain(secret);
  });

  const environment = (env: Record<string, string> = {}): Record<string, string> => ({
    DATABASE_URL: db.url,
    HISTORY_ENGINE: engine,
    ...fetchingFrom(fake),
    FIND_MY_USER: 'me',
    FIND_MY_PASSWORD: PASSWORD,
    ...env,
  });
  const run = async (args: string[], env: Record<string, string> = {}, stdin = ''): Promise<Ended> => {
    const ended = await runCli(args, environment(env), stdin);
    output += ended.stdout + ended.stderr;
    expectNothingInternal(ended.stderr);
    return ended;
  };
  const writeInput = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const register = async (count: number): Promise<void> => {
    const devices = PAIRS.slice(0, count).map((pair, i) => aDevice(`Tracker ${i}`, [pair]));
    const context = await openModule(
      db,
      KeyImportModule,
      commandConfig(db, { TRACKER_KEY_ENCRYPTION_KEY: ENCRYPTION_KEY }),
    );
    for await (const { outcome } of context.get(KeyImportService).import(JSON.stringify(devices)))
      expect(outcome).toBe('registered');
    await context.close();
  };

  it('register trackers from files, list their keys, and fetch their reports', async () => {
    const file = writeInput('devices.json', JSON.stringify([aDevice('Bike', [A, B]), aDevice('Bag', [C])]));
    expect(await run(['keys', 'import', file])).toMatchObject({
      code: 0,
      stdout:
        'device 1 "Bike": registered with 2 keys\n' +
        'device 2 "Bag": registered with 1 key\n' +
        '2 read = 2 registered + 0 extended + 0 unchanged + 0 refused\n',
    });
    const csv =
      `name,private key,advertisement key\nBad,${A.privateKey},${B.advertisementKey}\n` +
      `Bag,${C.privateKey},${C.advertisementKey}\n`;
    const again = await run(['keys', 'import', '-', '--json'], {}, csv);
    expect(again.code).toBe(1);
    expect(JSON.parse(again.stdout)).toEqual({
      entries: 2,
      registered: 0,
      extended: 0,
      unchanged: 1,
      refused: 1,
      outcomes: [
        {
          place: 'line 2',
          name: 'Bad',
          outcome: 'refused',
          keysAdded: 0,
          message: 'private key does not match advertisement key',
        },
        { place: 'line 3', name: 'Bag', outcome: 'unchanged', keysAdded: 0 },
      ],
    });

    const listed = await run(['keys', 'list', '--json']);
    const keys = listed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(keys.map(({ tracker, hashedAdvKey, isFirst }) => [tracker, hashedAdvKey, isFirst])).toEqual([
      ['Bag', C.hashedAdvKey, true],
      ['Bike', A.hashedAdvKey, true],
      ['Bike', B.hashedAdvKey, false],
    ]);

    addReport(fake, A, { at: ago(10) });
    addReport(fake, B, { at: ago(20) });
    const fetched = await run(['fetch']);
    expect(fetched.stdout).toBe(
      'find-my: 2 read = 2 stored + 0 late + 0 duplicate + 0 rejected\n' +
        '2 trackers requested = 2 answered (1 without reports) + 0 failed\n',
    );
    expect(fetched.stderr).toContain('Bike: 2 reports\n');
    expect(fetched.code).toBe(0);

    const json = await run(['fetch', 'Bike', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      trackers: 1,
      answered: 1,
      ledger: { read: 2, duplicate: 2, stored: 0, runId: expect.any(String) },
    });
  });

  it('exit with 1 when a tracker or the configuration fails', async () => {
    await register(2);
    fake.faultOf = ([id]) => (id === B.hashedAdvKey ? 'no-answer' : undefined);
    const partial = await run(['fetch']);
    expect(partial.stdout).toContain('2 trackers requested = 1 answered (1 without reports) + 1 failed\n');
    expect(partial.stderr).toContain('Tracker 1: no answer: the endpoint closed the connection\n');
    expect(partial.code).toBe(1);

    const wrong = await run(['fetch', '--json'], { FIND_MY_PASSWORD: 'another password' });
    expect(JSON.parse(wrong.stdout)).toMatchObject({ asked: 0, error: { code: 'BAD_CONFIGURATION' } });
    expect(wrong.stderr).toContain('does not accept FIND_MY_USER and FIND_MY_PASSWORD');
    expect(wrong.code).toBe(1);
    expect(output).not.toContain('another password');
  });

  it('share their work, and lose nothing when one is killed', async () => {
    await register(12);
    for (const pair of PAIRS) addReport(fake, pair, { at: ago(5) });
    fake.faultOf = () => (fake.calls.length === 3 ? 'hangs' : undefined);
    const patient = environment({ FIND_MY_TIMEOUT_MS: '60000' });
    const first = RunningProduct.cli(['fetch'], patient);
    await eventually(() => expect(fake.calls).toHaveLength(3), 30_000);
    const second = RunningProduct.cli(['fetch'], patient);
    const stored = (): Promise<number> => db.value('SELECT count(*) FROM location_reports');
    await eventually(async () => expect(await stored()).toBe(11), 30_000);
    await first.end('SIGKILL');
    expect(
      await db.value('SELECT count(*) FROM tracker_fetches WHERE in_round AND leased_until > now()'),
    ).toBe(1);
    // Its lease would last two more minutes; expire it now.
    await db.query(
      `UPDATE tracker_fetches SET leased_until = now() - interval '1 second' WHERE lease IS NOT NULL`,
    );
    await second.waitForOutput(/10 trackers requested = 10 answered \(0 without reports\) \+ 0 failed/);
    output += first.output + second.output;
    await second.destroy();
    expect(await stored()).toBe(12);
    // Only the tracker of the killed process was requested twice.
    const requests = new Map<string | undefined, number>();
    for (const { ids } of fake.calls) requests.set(ids[0], (requests.get(ids[0]) ?? 0) + 1);
    expect([...requests.values()].sort()).toEqual([...Array<number>(11).fill(1), 2]);
  });

  it('re-encrypt with a new key, so that the old one can be removed', async () => {
    await register(3);
    const wrong = await run(['fetch'], { TRACKER_KEY_ENCRYPTION_KEY: NEW_KEY });
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(
      /^BAD_CONFIGURATION: The configured encryption keys \(\w{16}\) do not decrypt all private keys: 3 are encrypted with \w{16}\. Check/,
    );
    expect(fake.calls).toEqual([]);

    const keyFile = writeInput('keys', `${NEW_KEY}\n${ENCRYPTION_KEY}\n`);
    const both = { TRACKER_KEY_ENCRYPTION_KEY: '', TRACKER_KEY_ENCRYPTION_KEY_FILE: keyFile };
    const rotated = await run(['keys', 'rotate'], both);
    expect(rotated.stdout).toMatch(
      /^3 private keys encrypted again, 0 already up to date; all use \w{16} now\./,
    );
    expect(await run(['fetch', '--json'], { TRACKER_KEY_ENCRYPTION_KEY: NEW_KEY })).toMatchObject({
      code: 0,
    });
  });
});
