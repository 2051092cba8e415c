import { createECDH, createHash } from 'node:crypto';
import type { Random } from '../random.js';
import { sealReport, type SeenTracker } from '../../../src/find-my/testing/seal-report.js';
import { FakeFindMy } from '../fake-find-my.js';
import type { TestReport } from '../history-oracle.js';
import { expect } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { FetchService } from '../../../src/find-my/fetch.service.js';
import { FindMyModule } from '../../../src/find-my/find-my.module.js';
import { KeyImportService } from '../../../src/tracker-keys/key-import.service.js';
import { KeyImportModule } from '../../../src/tracker-keys/key-import.module.js';
import { commandConfig, openModule } from '../application.js';
import { TestDatabase } from '../test-database.js';

/** A key pair of a tracker as in key files, all base64. */
export interface KeyPair {
  privateKey: string;
  advertisementKey: string;
  hashedAdvKey: string;
}

/** Creates a key pair; the same number creates the same pair. */
export function aKeyPair(n: number): KeyPair {
  const ecdh = createECDH('secp224r1');
  // The number has to be below the order of the curve: clear its highest bit.
  const bytes = createHash('sha224').update(`key ${n}`).digest();
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  ecdh.setPrivateKey(bytes);
  const x = ecdh.getPublicKey().subarray(1, 29);
  return {
    privateKey: bytes.toString('base64'),
    advertisementKey: x.toString('base64'),
    hashedAdvKey: createHash('sha256').update(x).digest('base64'),
  };
}

/** A device of macless-haystack's list: the first key is its `privateKey`, the others are `additionalKeys`. */
export function aDevice(name: string, [first, ...others]: readonly KeyPair[]): Record<string, unknown> {
  return {
    id: 4711,
    colorComponents: [0, 1, 0, 1],
    name,
    privateKey: first?.privateKey,
    icon: '',
    isActive: true,
    additionalKeys: others.map(({ privateKey }) => privateKey),
  };
}

/** Encodings in which a private key could leak. */
function encodingsOf({ privateKey }: KeyPair): string[] {
  const bytes = Buffer.from(privateKey, 'base64');
  return [privateKey, bytes.toString('hex'), bytes.toString('base64url'), [...bytes].join(',')];
}

/** Fails if a text contains one of these private keys, in any encoding. */
export function expectNoSecretsIn(text: string, pairs: readonly KeyPair[]): void {
  for (const form of pairs.flatMap(encodingsOf)) {
    if (text.includes(form))
      throw new Error(
        `a private key leaked: …${text.slice(Math.max(0, text.indexOf(form) - 200), text.indexOf(form))}`,
      );
  }
}

/** The key that encrypts the tests' private keys. */
export const ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');

/** The environment of a process that fetches from the fake endpoint without pauses. */
export function fetchingFrom(fake: FakeFindMy): Record<string, string> {
  return {
    FIND_MY_ENDPOINT_URL: fake.url,
    FIND_MY_MIN_INTERVAL_MS: '0',
    FIND_MY_TIMEOUT_MS: '1000',
    TRACKER_KEY_ENCRYPTION_KEY: ENCRYPTION_KEY,
  };
}

/** Adds a report of a tracker to the fake endpoint. */
export function addReport(fake: FakeFindMy, pair: KeyPair, seen: Partial<SeenTracker> & { at: Date }): void {
  const payload = sealReport(pair.advertisementKey, {
    confidence: 2,
    latitude: 51.5,
    longitude: -0.12,
    accuracy: 40,
    status: 0,
    ...seen,
  });
  fake.reports.push({
    id: pair.hashedAdvKey,
    payload: payload.toString('base64'),
    datePublished: seen.at.getTime() + 60_000,
  });
}

/** Adds `count` random reports of the last days to the fake endpoint. @returns them in the oracle's form. */
export function addReports(
  fake: FakeFindMy,
  pair: KeyPair,
  count: number,
  { random, now, days = 6.9, under = pair }: { random: Random; now: Date; days?: number; under?: KeyPair },
): TestReport[] {
  const seconds = new Set<number>();
  while (seconds.size < count) seconds.add(Math.floor(now.getTime() / 1000) - 60 - random.int(days * 86_400));
  return [...seconds].map((second) => {
    const at = new Date(second * 1000);
    const latitude = (random.int(1_000_000) - 500_000) / 1e4;
    const longitude = (random.int(3_000_000) - 1_500_000) / 1e4;
    const confidence = random.int(4);
    const accuracy = random.int(256);
    addReport(fake, pair, { at, latitude, longitude, confidence, accuracy });
    return { key: under.hashedAdvKey, at, latitude, longitude, confidence, accuracy };
  });
}

/** A database, a new fake endpoint for each test, and several fetchers, as in several processes. */
export class FetchScene {
  fake!: FakeFindMy;
  private readonly fetchers: INestApplicationContext[] = [];

  private constructor(
    readonly db: TestDatabase,
    private readonly keys: INestApplicationContext,
  ) {}

  static async create(engine: HistoryEngine): Promise<FetchScene> {
    const db = await TestDatabase.create(engine);
    const keys = await openModule(
      db,
      KeyImportModule,
      commandConfig(db, { TRACKER_KEY_ENCRYPTION_KEY: ENCRYPTION_KEY }),
    );
    return new FetchScene(db, keys);
  }

  /**
   * Before each test: deletes trackers, raw reports and runs. Daily history remains, so its tests use separate keys.
   */
  async begin(): Promise<void> {
    this.fake = await FakeFindMy.start();
    for (const table of ['trackers', 'import_runs', 'location_reports'])
      await this.db.query(`DELETE FROM ${table}`);
    await this.db.query('UPDATE find_my_pace SET next_call_at = now()');
  }

  /** After each test. */
  async end(): Promise<void> {
    await Promise.all(this.fetchers.splice(0).map((context) => context.close()));
    await this.fake.stop();
  }

  async drop(): Promise<void> {
    await this.keys.close();
    await this.db.drop();
  }

  /** Starts another fetcher, as in another process. */
  async aFetcher(env: Record<string, string> = {}): Promise<FetchService> {
    const context = await openModule(
      this.db,
      FindMyModule,
      commandConfig(this.db, { ...fetchingFrom(this.fake), ...env }),
    );
    this.fetchers.push(context);
    return context.get(FetchService);
  }

  async register(...devices: Record<string, unknown>[]): Promise<void> {
    const text = JSON.stringify(devices);
    for await (const { outcome } of this.keys.get(KeyImportService).import(text))
      expect(outcome).toBe('registered');
  }

  /** Registers a tracker for each key: "Tracker 0" and so on. */
  registerEach(pairs: readonly KeyPair[]): Promise<void> {
    return this.register(...pairs.map((pair, i) => aDevice(`Tracker ${i}`, [pair])));
  }

  /** Checks that no fetch is requested or leased. */
  async expectNothingLeft(): Promise<void> {
    expect(
      await this.db.query(
        'SELECT * FROM tracker_fetches WHERE wanted_at IS NOT NULL OR lease IS NOT NULL OR in_round',
      ),
    ).toEqual([]);
  }
}

/** The time `minutes` ago, in whole seconds like the reports. */
export function ago(minutes: number): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000 - minutes * 60_000);
}
