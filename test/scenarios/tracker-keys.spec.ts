import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { type KeyImportOutcome, KeyImportService } from '../../src/tracker-keys/key-import.service.js';
import { KeyImportModule } from '../../src/tracker-keys/key-import.module.js';
import { TrackerKeysService } from '../../src/tracker-keys/tracker-keys.service.js';
import { TrackersService } from '../../src/trackers/trackers.service.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { commandConfig, openModule } from '../support/application.js';
import { aDevice, aKeyPair, type KeyPair } from '../support/scenes/find-my-scene.js';
import { TestDatabase } from '../support/test-database.js';

const OLD = Buffer.alloc(32, 1).toString('base64');
const NEW = Buffer.alloc(32, 2).toString('base64');

describeOnEveryEngine("trackers' keys", (engine) => {
  let db: TestDatabase;
  let context: INestApplicationContext;
  const others: INestApplicationContext[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    context = await openModule(db, KeyImportModule, commandConfig(db, { TRACKER_KEY_ENCRYPTION_KEY: OLD }));
  });
  afterAll(async () => {
    await Promise.all([context, ...others].map((opened) => opened.close()));
    await db.drop();
  });
  beforeEach(() => db.query('DELETE FROM trackers'));

  /** The service of another process, with other encryption keys. */
  const keysWith = async (current: string, old = ''): Promise<TrackerKeysService> => {
    const env = { TRACKER_KEY_ENCRYPTION_KEY: current, TRACKER_KEY_ENCRYPTION_OLD_KEYS: old };
    const opened = await openModule(db, KeyImportModule, commandConfig(db, env));
    others.push(opened);
    return opened.get(TrackerKeysService);
  };
  const keys = (): TrackerKeysService => context.get(TrackerKeysService);
  const importText = async (text: string): Promise<string[]> => {
    const said: string[] = [];
    for await (const outcome of context.get(KeyImportService).import(text)) said.push(inWords(outcome));
    return said;
  };
  const importDevices = (...devices: unknown[]): Promise<string[]> => importText(JSON.stringify(devices));
  const kept = (): Promise<string[]> =>
    keys()
      .list()
      .then((listed) =>
        listed.map((key) => `${key.tracker} ${key.isFirst ? 'first' : 'further'} ${key.hashedAdvKey}`),
      );

  it('are registered with their trackers, once', async () => {
    const [a, b, c, d] = [1, 2, 3, 4].map(aKeyPair) as [KeyPair, KeyPair, KeyPair, KeyPair];
    const devices = [aDevice('Bike', [a, b, c]), aDevice('Bag', [d])];
    expect(await importDevices(...devices)).toEqual([
      'device 1 Bike: registered 3',
      'device 2 Bag: registered 1',
    ]);
    const all = [
      `Bag first ${d.hashedAdvKey}`,
      `Bike first ${a.hashedAdvKey}`,
      `Bike further ${b.hashedAdvKey}`,
      `Bike further ${c.hashedAdvKey}`,
    ];
    expect(await kept()).toEqual(all);
    const [bag, bike] = await db.query('SELECT * FROM trackers ORDER BY name');
    expect(bag).toMatchObject({ advertisement_key: d.advertisementKey, hashed_adv_key: d.hashedAdvKey });
    expect(bike).toMatchObject({ advertisement_key: a.advertisementKey, hashed_adv_key: a.hashedAdvKey });

    expect(await importDevices(...devices)).toEqual([
      'device 1 Bike: unchanged 0',
      'device 2 Bag: unchanged 0',
    ]);
    expect(await kept()).toEqual(all);
  });

  it('are added to existing trackers, by key and by name', async () => {
    const [a, b, c] = [1, 2, 3].map(aKeyPair) as [KeyPair, KeyPair, KeyPair];
    await db.register('By hash', a.hashedAdvKey);
    await db.register('By name', 'another hash');
    expect(await importDevices(aDevice('Whatever', [a, b]), aDevice('By name', [c]))).toEqual([
      'device 1 Whatever: extended 2: already registered as "By hash"',
      'device 2 By name: extended 1',
    ]);
    expect(await kept()).toEqual([
      `By hash first ${a.hashedAdvKey}`,
      `By hash further ${b.hashedAdvKey}`,
      `By name further ${c.hashedAdvKey}`,
    ]);
    expect(await db.query('SELECT name, advertisement_key FROM trackers ORDER BY name')).toEqual([
      { name: 'By hash', advertisement_key: a.advertisementKey },
      { name: 'By name', advertisement_key: null },
    ]);
  });

  it('are read from a CSV as well, whatever its separator', async () => {
    const [a, b, c] = [1, 2, 3].map(aKeyPair) as [KeyPair, KeyPair, KeyPair];
    const csv =
      '\uFEFFName;Private Key;Advertisement Key;MAC Address\r\n' +
      `"Bike; the red one";${a.privateKey};${a.advertisementKey};DE:AD:BE:EF:00:01\r\n` +
      `"Bike; the red one";${b.privateKey};;\r\n\r\n` +
      `Bag;${c.privateKey};${a.advertisementKey};\r\n`;
    expect(await importText(csv)).toEqual([
      'line 2 Bike; the red one: registered 2',
      'line 5 Bag: refused 0: private key does not match advertisement key',
    ]);
    expect(await db.query('SELECT name, mac_address FROM trackers')).toEqual([
      { name: 'Bike; the red one', mac_address: 'DE:AD:BE:EF:00:01' },
    ]);
  });

  it('belong to one tracker', async () => {
    const [a, b, c] = [1, 2, 3].map(aKeyPair) as [KeyPair, KeyPair, KeyPair];
    await importDevices(aDevice('Bike', [a, b]), aDevice('Bag', [c]));
    const both = 'keys and name belong to different trackers: "Bike" and "Bag"';
    expect(await importDevices(aDevice('Bag', [b]), aDevice('New', [a, c]))).toEqual([
      `device 1 Bag: refused 0: ${both}`,
      `device 2 New: refused 0: ${both}`,
    ]);
    // Nor can an additional key be the first key of another tracker, however that is registered.
    await expect(
      context.get(TrackersService).create({ name: 'Thief', hashedAdvertisementKey: b.hashedAdvKey }),
    ).rejects.toMatchObject({ code: 'CONFLICT', message: 'Another tracker has this hashedAdvertisementKey' });
    await expect(
      db.query(`UPDATE trackers SET hashed_adv_key = $1 WHERE name = 'Bag'`, [b.hashedAdvKey]),
    ).rejects.toThrow('belongs to another tracker');
    expect(await kept()).toHaveLength(3);
  });

  it('are rejected with the reason, one by one', async () => {
    const [a, b] = [1, 2].map(aKeyPair) as [KeyPair, KeyPair];
    const broken = { ...aDevice('Broken', [a]), additionalKeys: [b.privateKey, 'AAAA'] };
    expect(
      await importDevices(
        42,
        { ...aDevice('', [a]) },
        broken,
        aDevice('\n', [a]),
        aDevice('Good', [b]),
        aDevice('Good', [a]),
      ),
    ).toEqual([
      'device 1 undefined: refused 0: not a device: must be an object',
      'device 2 undefined: refused 0: name is missing',
      'device 3 Broken: refused 0: additionalKeys[1] must be a P-224 private key: base64 of 28 bytes',
      'device 4 \n: refused 0: name must not be blank or contain control or invisible characters',
      'device 5 Good: registered 1',
      'device 6 Good: refused 0: name must be unique: another device in this file has the same one',
    ]);
  });

  it.each([
    ['truncated JSON', JSON.stringify([aDevice('Bike', [aKeyPair(1)])]).slice(0, -40)],
    ['a CSV without header', `Bike,${aKeyPair(1).privateKey}\n`],
    ['a CSV with a quote in the wrong place', `name,private key\nBike,"${aKeyPair(1).privateKey}"x\n`],
    ['nothing', ''],
  ])('are not in %s, and the message reveals nothing of it', async (_what, text) => {
    const failure = await importText(text).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(failure).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(String(failure?.stack)).not.toContain(aKeyPair(1).privateKey.slice(0, 8));
    expect(await kept()).toEqual([]);
  });

  it('are deleted with their tracker', async () => {
    await importDevices(aDevice('Bike', [aKeyPair(1), aKeyPair(2)]));
    await db.query('DELETE FROM trackers');
    expect(await db.value('SELECT count(*) FROM tracker_keys')).toBe(0);
  });

  it('are encrypted, each for its own row', async () => {
    const [a, b] = [1, 2].map(aKeyPair) as [KeyPair, KeyPair];
    await importDevices(aDevice('Bike', [a]), aDevice('Bag', [b]));
    const [bike] = await db.query<{ id: string }>(`SELECT id FROM trackers WHERE name = 'Bike'`);
    const opened = await keys().privateKeysOf(String(bike?.id));
    expect(opened.map((key) => key.reveal().toString('base64'))).toEqual([a.privateKey]);

    const everything = JSON.stringify(await db.query('SELECT t::text FROM tracker_keys AS t'));
    for (const { privateKey } of [a, b]) {
      expect(everything).not.toContain(Buffer.from(privateKey, 'base64').toString('hex'));
      expect(everything).not.toContain(privateKey);
    }
    await db.query(
      `UPDATE tracker_keys SET sealed_private_key = (SELECT sealed_private_key FROM tracker_keys WHERE hashed_adv_key = $2)
       WHERE hashed_adv_key = $1`,
      [a.hashedAdvKey, b.hashedAdvKey],
    );
    await expect(keys().privateKeysOf(String(bike?.id))).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: `The stored private key of ${a.hashedAdvKey} is damaged; import it again with: tracker keys import`,
    });
  });

  it('can be encrypted anew, and do not need the old key then', async () => {
    const pairs = Array.from({ length: 510 }, (_, i) => aKeyPair(i)); // more than one batch
    await importDevices(aDevice('Bike', pairs));
    const wrong = await keysWith(NEW);
    await expect(wrong.verifyReadable()).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: expect.stringContaining('do not decrypt all private keys: 510 are encrypted with '),
    });
    await expect(wrong.rotate()).rejects.toThrow('do not decrypt');

    const both = [await keysWith(NEW, OLD), await keysWith(NEW, OLD)];
    const summaries = await Promise.all(both.map((service) => service.rotate()));
    expect(summaries.map(({ resealed }) => resealed).reduce((sum, n) => sum + n)).toBe(510);
    await wrong.verifyReadable(); // it can read all keys now, so the old one can be removed
    await expect(keys().verifyReadable()).rejects.toThrow('do not decrypt');
    expect(await wrong.rotate()).toMatchObject({ resealed: 0, current: 510 });
    const [first] = await db.query<{ id: string }>(`SELECT id FROM trackers WHERE name = 'Bike'`);
    const opened = await wrong.privateKeysOf(String(first?.id));
    expect(opened.map((key) => key.reveal().toString('base64'))).toEqual(
      pairs.map((pair) => pair.privateKey),
    );
  });

  it('are rejected where there is no encryption key', async () => {
    const opened = await openModule(db, KeyImportModule, commandConfig(db));
    others.push(opened);
    const without = opened.get(KeyImportService);
    await expect(without.import('[]').next()).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: expect.stringContaining('openssl rand -base64 32'),
    });
  });
});

function inWords({ place, name, outcome, keysAdded, message }: KeyImportOutcome): string {
  return `${place} ${String(name)}: ${outcome} ${keysAdded}${message === undefined ? '' : `: ${message}`}`;
}
